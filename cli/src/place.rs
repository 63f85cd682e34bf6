//! Where the tables are that a command works on directly: in the data folder of `hashreel up`, or in the
//! records of the services.

use crate::say;
use clap::Args;
use model::without_secret;
use std::{env, ffi::OsString, path::PathBuf};

/// The options that say so. Their variables are read here and not by clap, for which a variable is as good
/// as a flag: one that is exported would be in the way of the other's flag.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// The data folder of `hashreel up` [env: HASHREEL_DATA] [default: data]
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
    /// The records of the services, in the place of a data folder: dynamodb://TABLE or sqlite:///PATH
    /// [env: HASHREEL_RECORDS]
    #[arg(long, value_name = "URL", global = true, conflicts_with = "data")]
    pub records: Option<String>,
}

/// Where the tables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this data folder.
    Folder(PathBuf),
    /// In the records that this URL names.
    Records(String),
}

impl PlaceArgs {
    /// The place of `what`, as "the keys". Where a variable named it, the user is told so.
    #[must_use]
    pub fn of(&self, what: &str) -> Place {
        let (place, by) = self.place_among(|name| env::var_os(name));
        if let Some(variable) = by {
            let named = match &place {
                Place::Records(url) => without_secret(url),
                Place::Folder(path) => path.to_string_lossy(),
            };
            say::talk(&format!("{what} in {named}, which {variable} names"));
        }
        place
    }

    /// A flag wins over a variable. Of the variables the one of the deployment wins: where it is exported,
    /// the services use it.
    fn place_among(
        &self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> (Place, Option<&'static str>) {
        const RECORDS: &str = "HASHREEL_RECORDS";
        const DATA: &str = "HASHREEL_DATA";
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        if let Some(records) = &self.records {
            (Place::Records(records.clone()), None)
        } else if let Some(data) = &self.data {
            (Place::Folder(data.clone()), None)
        } else if let Some(records) = variable(RECORDS) {
            (Place::Records(records.to_string_lossy().into_owned()), Some(RECORDS))
        } else if let Some(data) = variable(DATA) {
            (Place::Folder(data.into()), Some(DATA))
        } else {
            (Place::Folder("data".into()), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, FromArgMatches as _};

    fn parsed(flags: &[&str]) -> Result<PlaceArgs, clap::Error> {
        let command = PlaceArgs::augment_args(Command::new("keys"));
        let matches = command.try_get_matches_from([&["keys"], flags].concat())?;
        PlaceArgs::from_arg_matches(&matches)
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_the_deployment_over_a_folder() {
        let folder = |path: &str| Place::Folder(path.into());
        let records = |url: &str| Place::Records(url.into());
        let (r, d) = (Some("HASHREEL_RECORDS"), Some("HASHREEL_DATA"));
        // (flags, HASHREEL_RECORDS, HASHREEL_DATA, place, by which variable)
        let cases: [(&[&str], _, _, _, _); 9] = [
            (&[], "", "", folder("data"), None),
            (&[], "", "b", folder("b"), d),
            (&[], "dynamodb://t", "", records("dynamodb://t"), r),
            (&[], "dynamodb://t", "b", records("dynamodb://t"), r),
            (&["--data", "a"], "", "b", folder("a"), None),
            (&["--data", "a"], "dynamodb://t", "b", folder("a"), None),
            (&["--data", "data"], "dynamodb://t", "", folder("data"), None),
            (&["--records", "dynamodb://u"], "", "b", records("dynamodb://u"), None),
            (&["--records", "dynamodb://u"], "dynamodb://t", "b", records("dynamodb://u"), None),
        ];
        for (flags, url, data, place, by) in cases {
            let variable = |name: &str| Some(if Some(name) == r { url } else { data }.into());
            let found = parsed(flags).unwrap().place_among(variable);
            assert_eq!(found, (place, by), "{flags:?}, {url:?}, {data:?}");
        }
        assert!(parsed(&["--data", "a", "--records", "dynamodb://u"]).is_err());
    }
}
