//! Whatever arrives ends in a command that is valid or in a refusal that is complete.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use resumable::{Command, Dialect, Limits, RequestHead, Target, name, tus};

const NAMES: [&str; 12] = [
    "tus-resumable",
    "upload-length",
    "upload-offset",
    "upload-metadata",
    "upload-defer-length",
    "upload-concat",
    "upload-checksum",
    "upload-complete",
    "content-type",
    "content-disposition",
    "x-http-method-override",
    "content-length",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => Just(b"1.0.0".to_vec()),
        3 => "[0-9]{1,25}".prop_map(String::into_bytes),
        3 => Just(b"application/offset+octet-stream".to_vec()),
        2 => "(PATCH|DELETE|HEAD|POST|OPTIONS|GET|\\?1)".prop_map(String::into_bytes),
        2 => "[a-c]{0,3} [A-Za-z0-9+/]{0,8}={0,2}(, ?[d-f] ?)?".prop_map(String::into_bytes),
        1 => "attachment; filename\\*?=(UTF-8''|\")[%a-f0-9;\"\\\\]{0,20}".prop_map(String::into_bytes),
        2 => prop::collection::vec(prop_oneof![Just(b'\t'), 0x20u8..0x7f, 0x80u8..], 0..40),
    ]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    prop::collection::vec((prop::sample::select(&NAMES[..]), value()), 0..7).prop_map(|pairs| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        headers
    })
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        Method::POST,
        Method::PATCH,
        Method::HEAD,
        Method::DELETE,
        Method::OPTIONS,
        Method::GET,
        Method::PUT,
    ])
}

fn target() -> impl Strategy<Value = Target> {
    prop::sample::select(vec![
        Target::Collection,
        Target::Upload(Dialect::Tus),
        Target::Upload(Dialect::Plain),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn every_request_is_understood_or_refused(
        method in method(),
        target in target(),
        headers in headers(),
        query in prop::option::of("[ -~]{0,30}"),
        body in prop::option::of(prop_oneof![0u64..2000, any::<u64>()]),
        max_size in prop_oneof![Just(0u64), Just(1000), Just(u64::MAX)],
    ) {
        let limits = Limits { max_size };
        let head = RequestHead { method: &method, query: query.as_deref(), headers: &headers, body };
        match resumable::parse(&head, target, &limits) {
            Ok(request) => {
                if request.dialect == Dialect::Tus && request.command != Command::Options {
                    prop_assert_eq!(&headers["tus-resumable"], "1.0.0");
                }
                if let Command::Create(create) = request.command {
                    prop_assert!(create.length.is_none_or(|length| length <= max_size));
                    prop_assert!(body.zip(create.length).is_none_or(|(body, length)| body <= length));
                    prop_assert_eq!(name::display_name(&create.about.name), create.about.name);
                    prop_assert!(create.about.media_type.is_ascii());
                    if let Some(metadata) = create.metadata {
                        prop_assert!(tus::Metadata::parse(&metadata).is_ok());
                        prop_assert!(HeaderValue::from_str(&metadata).is_ok());
                    }
                }
            }
            Err(refusal) => {
                prop_assert!(!refusal.error.to_string().is_empty());
                prop_assert!(refusal.status.is_none_or(|status| status.is_client_error()));
            }
        }
    }
}
