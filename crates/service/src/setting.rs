//! Settings that a program cannot start with.

use model::Result;

/// What was made of the setting `--NAME`, whose variable is `HASHREEL_NAME`; where that failed, the error
/// names both, since who runs the program looks for those.
///
/// # Errors
/// That of `made`, with its kind.
pub fn of_setting<T>(name: &str, made: Result<T>) -> Result<T> {
    made.map_err(|error| {
        error.context(format!("--{name} (HASHREEL_{}) cannot be used", name.to_uppercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Error, ErrorKind};

    #[test]
    fn a_failure_names_the_flag_and_the_variable() {
        let made: Result<()> = Err(Error::new(ErrorKind::Unavailable, "nobody is there"));
        let error = of_setting("objects", made).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.chain(), "--objects (HASHREEL_OBJECTS) cannot be used: nobody is there");
    }
}
