//! Listing: the tree in the byte order of whole names.
//!
//! Within a directory an entry that is itself a directory sorts as its name with a `/`, which is how all
//! names below it sort beside the others. Directories that cannot hold a wanted name are not opened.

use super::tree::Tree;
use crate::{ListPage, ObjectInfo, ObjectName};
use model::{ErrorKind, Result};
use rustix::fs::FileType;

/// Up to `limit` objects with this prefix and behind `after`.
pub(super) fn page(tree: &Tree, prefix: &str, after: &str, limit: usize) -> Result<ListPage> {
    let mut walk = Walk { tree, prefix, after, most: limit + 1, found: Vec::new() };
    match prefix.rsplit_once('/') {
        // All that has the prefix is below this directory, so nothing beside it is looked at.
        Some((directory, _)) if ObjectName::new(directory).is_ok() => {
            walk.directory(&format!("{directory}/"))?;
        }
        // No name begins like that, and a path that is none stays where it came from.
        Some(_) => {}
        None => walk.directory("")?,
    }
    let mut objects = walk.found;
    let has_more = objects.len() > limit;
    objects.truncate(limit);
    let last = objects.last().filter(|_| has_more);
    Ok(ListPage { cursor: last.map(|object| object.name.to_string()), objects })
}

struct Walk<'a> {
    tree: &'a Tree,
    prefix: &'a str,
    after: &'a str,
    most: usize,
    found: Vec<ObjectInfo>,
}

impl Walk<'_> {
    /// Visits a directory, given with its closing `/`; the root is empty.
    fn directory(&mut self, directory: &str) -> Result<()> {
        for path in self.wanted_entries(directory)? {
            if self.found.len() == self.most {
                return Ok(());
            }
            if path.ends_with('/') {
                self.directory(&path)?;
            } else if let Ok(name) = ObjectName::new(path) {
                // Only what could have been put: a stray file of another program is no object.
                match self.tree.info(&name) {
                    Ok(info) => self.found.push(info),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Paths from the root in the order of names, those of directories with a closing `/`.
    fn wanted_entries(&self, directory: &str) -> Result<Vec<String>> {
        let mut paths = Vec::new();
        for entry in self.tree.entries(directory.trim_end_matches('/'))?.into_iter().flatten() {
            let entry = entry.map_err(|errno| self.tree.error(errno, "list objects"))?;
            // A name that is not even text is none of ours, nor is one that hides.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let mut path = format!("{directory}{name}");
            let is_directory = match entry.file_type() {
                FileType::Unknown => self.tree.has_directory(&path)?,
                kind => kind == FileType::Directory,
            };
            if is_directory {
                path.push('/');
            }
            if self.may_hold(&path, is_directory) {
                paths.push(path);
            }
        }
        paths.sort_unstable();
        Ok(paths)
    }

    /// Whether `path` is, or is the beginning of, a name with the prefix and behind the cursor.
    fn may_hold(&self, path: &str, is_directory: bool) -> bool {
        let fits = path.starts_with(self.prefix) || (is_directory && self.prefix.starts_with(path));
        let is_behind = path > self.after || (is_directory && self.after.starts_with(path));
        fits && is_behind
    }
}
