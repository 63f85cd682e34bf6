//! `hashreel get`: a download that goes on where it stopped and is checked against the file's SHA-256.

use crate::{
    args::GetArgs,
    bar::{Transfer, goes_on},
    client::{Client, File},
    say,
};
use model::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// Tries in a row that bring no byte, before it is given up.
const TRIES: u32 = 8;

/// Downloads a file.
///
/// # Errors
/// `Invalid` where something is in the way; `Damaged` where the bytes are not those that were uploaded;
/// as every request.
pub async fn run(args: &GetArgs) -> Result<()> {
    let client = Client::new(&args.server)?;
    let file = client.find(&args.file).await?;
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout {
        let (out, place) = (&mut std::io::stdout(), Path::new("the output"));
        return download(&client, &file, out, place, Sha256::new(), 0).await;
    }
    let target = target(args, &file);
    if target.exists() && !args.force {
        return Err(Error::invalid(format!(
            "{} is there already: name another with --output, or replace it with --force",
            target.display()
        )));
    }
    // Named by the file's id, so that only the same bytes are gone on with.
    let part = target.with_file_name(format!(".{}.part", file.id));
    // Errors name what was asked for: the part is nobody's business.
    let (mut out, hasher, have) = open_part(&part).map_err(unwritable(&target))?;
    download(&client, &file, &mut out, &target, hasher, have).await.inspect_err(|error| {
        if error.kind() == ErrorKind::Damaged {
            // What is wrong is not worth going on with.
            let _ = fs::remove_file(&part);
        }
    })?;
    out.sync_all().map_err(unwritable(&target))?;
    fs::rename(&part, &target).map_err(unwritable(&target))?;
    say::data(&target.display().to_string());
    Ok(())
}

/// The place to write to. A file's name comes from a stranger: only its last part counts.
fn target(args: &GetArgs, file: &File) -> PathBuf {
    let name =
        Path::new(&file.name).file_name().map_or_else(|| file.id.to_string().into(), PathBuf::from);
    match &args.output {
        Some(dir) if dir.is_dir() => dir.join(name),
        Some(path) => path.clone(),
        None => name,
    }
}

/// The part that is there, hashed, ready to be written on.
fn open_part(part: &Path) -> std::io::Result<(fs::File, Sha256, u64)> {
    let mut file =
        fs::File::options().read(true).write(true).create(true).truncate(false).open(part)?;
    let (mut hasher, mut have, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        have += read as u64;
    }
    file.seek(SeekFrom::Start(have))?;
    Ok((file, hasher, have))
}

/// Writes the rest of the file to `out`, which is `place`, and checks the whole.
async fn download(
    client: &Client,
    file: &File,
    out: &mut (impl Write + Send),
    place: &Path,
    mut hasher: Sha256,
    mut have: u64,
) -> Result<()> {
    let transfer = Transfer::new(&file.name, file.size);
    if have > 0 {
        say::talk(&goes_on(&file.name, have, file.size));
    }
    let mut failed = 0;
    while have < file.size {
        let before = have;
        let end = stream(client, file, out, place, &mut hasher, &mut have, &transfer).await;
        if have > before {
            failed = 0;
        }
        match end {
            Ok(()) => {}
            Err(error) if error.kind().is_retryable() && failed < TRIES => {
                failed += 1;
                tokio::time::sleep(Duration::from_millis(250 << failed)).await;
            }
            Err(error) => return Err(error),
        }
    }
    transfer.bar.finish_and_clear();
    // What a buffer still holds has not arrived.
    out.flush().map_err(unwritable(place))?;
    check(file, hasher, have)
}

/// That what came is what was uploaded: as long, and with the same SHA-256 once that is known.
fn check(file: &File, hasher: Sha256, have: u64) -> Result<()> {
    let hash: [u8; 32] = hasher.finalize().into();
    let same = file.sha256.is_none_or(|expected| *expected.as_bytes() == hash);
    if same && have == file.size {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Damaged,
        format!("what came of {} is not what was uploaded; get it again", file.name),
    ))
}

async fn stream(
    client: &Client,
    file: &File,
    out: &mut (impl Write + Send),
    place: &Path,
    hasher: &mut Sha256,
    have: &mut u64,
    transfer: &Transfer,
) -> Result<()> {
    transfer.stands_at(*have);
    let mut response = client.content(file, *have).await?;
    loop {
        let chunk = response.chunk().await.map_err(|error| {
            Error::with_source(ErrorKind::Unavailable, "the download was cut off", error)
        })?;
        let Some(chunk) = chunk else { break };
        out.write_all(&chunk).map_err(unwritable(place))?;
        hasher.update(&chunk);
        *have += chunk.len() as u64;
        transfer.bar.inc(chunk.len() as u64);
    }
    if *have == file.size {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Unavailable, "the download ended early"))
    }
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |error| {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull => ErrorKind::NoSpace,
            _ => ErrorKind::Invalid,
        };
        Error::with_source(kind, format!("cannot write {path}"), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::test_file;

    #[test]
    fn bytes_that_are_not_the_files_are_refused_also_before_its_hash_is_known() {
        let bytes = b"hello";
        let file = |sha256, size| test_file("f", size, sha256, 0);
        let hash = Some(model::Sha256::of(bytes));
        for (sha256, size, good) in [
            (hash, 5, true),
            (None, 5, true),
            (None, 4, false),
            (hash, 4, false),
            (Some(model::Sha256::of(b"other")), 5, false),
        ] {
            let checked = check(&file(sha256, size), Sha256::new_with_prefix(bytes), 5);
            assert_eq!(checked.is_ok(), good, "{sha256:?} {size}");
        }
    }
}
