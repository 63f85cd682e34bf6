//! What playlists name, as a player reads them.

/// The variants of a master playlist: attributes and address.
pub fn variants(master: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = master.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let attributes = pair[0].strip_prefix("#EXT-X-STREAM-INF:")?;
        Some((attributes.to_owned(), pair[1].to_owned()))
    });
    pairs.collect()
}

/// The init segment and the segments of a media playlist, in order.
pub fn segments(playlist: &str) -> Vec<String> {
    let parts = playlist.lines().filter_map(|line| {
        if let Some(map) = line.strip_prefix("#EXT-X-MAP:") {
            map.split('"').nth(1)
        } else {
            (!line.starts_with('#') && !line.is_empty()).then_some(line)
        }
    });
    parts.map(str::to_owned).collect()
}

/// The first media playlist of a master, which is the best, and that of the sound beside it.
pub fn best_and_sound(master: &str) -> Vec<String> {
    let best = variants(master).into_iter().map(|(_, address)| address).take(1);
    let sound = master
        .lines()
        .filter(|line| line.starts_with("#EXT-X-MEDIA:TYPE=AUDIO"))
        .filter_map(|line| line.split_once("URI=\"")?.1.split('"').next());
    best.chain(sound.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_playlists_say_what_to_download() {
        let master = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360\n360p.m3u8\n";
        assert_eq!(
            variants(master),
            [("BANDWIDTH=1,RESOLUTION=640x360".to_owned(), "360p.m3u8".to_owned())]
        );
        assert_eq!(best_and_sound(master), ["360p.m3u8", "a.m3u8"]);
        let playlist =
            "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:10,\n0.m4s\n#EXTINF:2,\n1.m4s\n";
        assert_eq!(segments(playlist), ["init.mp4", "0.m4s", "1.m4s"]);
    }
}
