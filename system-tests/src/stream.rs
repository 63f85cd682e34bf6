//! A video's stream as a player gets it: playlists, init segments and segments over HTTP.

use crate::site::Site;
use model::Sha256;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// One rendition, as it came.
#[derive(Debug)]
pub struct Rendition {
    /// `1080`, `720`, ..., or `audio`.
    pub name: String,
    /// Frame width; 0 for audio.
    pub width: u32,
    /// Frame height; 0 for audio.
    pub height: u32,
    /// The init segment.
    pub init: Vec<u8>,
    /// The segments, with the duration in seconds that the playlist gives each.
    pub segments: Vec<(f64, Vec<u8>)>,
}

impl Rendition {
    /// Init segment and segments, one after the other.
    #[must_use]
    pub fn whole(&self) -> Vec<u8> {
        let mut whole = self.init.clone();
        self.segments.iter().for_each(|(_, bytes)| whole.extend_from_slice(bytes));
        whole
    }

    /// Writes [`Self::whole`] to a file.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.whole()).unwrap();
    }
}

/// All renditions of a file's video, by the playlists that a player would read.
pub async fn renditions(server: &Site, file: &Value) -> Vec<Rendition> {
    let id = file["id"].as_str().unwrap();
    let mut all = Vec::new();
    for rendition in file["video"]["renditions"].as_array().unwrap() {
        let uri = format!("/play/{id}/{}.m3u8", rendition["id"].as_str().unwrap());
        let playlist = String::from_utf8(server.get(&uri).await).unwrap();
        assert!(playlist.contains("#EXT-X-ENDLIST"), "the playlist has ended:\n{playlist}");
        let side = |name: &str| rendition[name].as_u64().map_or(0, |side| side.try_into().unwrap());
        let (width, height): (u32, u32) = (side("width"), side("height"));
        let name = if height == 0 { "audio".into() } else { height.to_string() };
        let mut read = Rendition { name, width, height, init: Vec::new(), segments: Vec::new() };
        let mut duration = 0.0;
        for line in playlist.lines() {
            if let Some(map) = line.strip_prefix("#EXT-X-MAP:URI=\"") {
                read.init = server.get(map.split('"').next().unwrap()).await;
            } else if let Some(info) = line.strip_prefix("#EXTINF:") {
                duration = info.split(',').next().unwrap().parse().unwrap();
            } else if !line.starts_with('#') && !line.is_empty() {
                read.segments.push((duration, server.get(line).await));
            }
        }
        assert!(!read.init.is_empty() && !read.segments.is_empty(), "{playlist}");
        all.push(read);
    }
    all.sort_by_key(|rendition| std::cmp::Reverse(rendition.height));
    all
}

/// The hash of every init segment and segment, by rendition and number: what must be the same whoever
/// made it.
pub async fn fingerprint(server: &Site, file: &Value) -> BTreeMap<String, Sha256> {
    let mut hashes = BTreeMap::new();
    for rendition in renditions(server, file).await {
        hashes.insert(format!("{} init", rendition.name), Sha256::of(&rendition.init));
        for (k, (_, bytes)) in rendition.segments.iter().enumerate() {
            hashes.insert(format!("{} {k:04}", rendition.name), Sha256::of(bytes));
        }
    }
    hashes
}
