//! What is made of a source is the source: every frame, at its time, in its place, with its sound.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::cast_possible_truncation, reason = "seconds and samples of short clips")]

mod common;

use cmaf::timeline::TIMESCALE;
use common::{Keep, Memory, Stream, host, profile, stream};
use media::ladder::{Planned, plan};
use media::task::Outcome;
use std::path::Path;
use testkit::media_fixtures::{complaints, luma, make, psnr, samples, times};

/// What a case expects beyond what all of them do.
struct Expect {
    /// Sizes of the rungs.
    sizes: &'static [(u32, u32)],
    /// Audio renditions.
    audio: usize,
    /// Least PSNR of the largest rung, in dB; nothing where frames cannot be compared one by one.
    psnr: Option<f64>,
}

const WIDE: &[(u32, u32)] = &[(320, 180), (160, 90)];
const TEST: &str = "-f lavfi -i testsrc2=s=320x180:r=30:d=3.5";
const TONE: &str = "-f lavfi -i sine=440:r=44100:d=3.5";

/// Makes a stream of the source and compares every frame's time, and the sound's length.
async fn check(name: &str, arguments: &str, expect: Expect) -> Stream {
    let folder = tempfile::tempdir().unwrap();
    let source = make(folder.path(), name, arguments);
    let made = stream(&Memory::of(&source), &profile()).await.unwrap();
    compare(&made, &source, folder.path());
    let sizes: Vec<_> = made.video.iter().map(|rung| (rung.width, rung.height)).collect();
    assert_eq!(sizes, expect.sizes);
    assert_eq!(made.audio.len(), expect.audio);
    if let (Some(least), Some(top)) = (expect.psnr, made.video.first()) {
        let all = top.write(&folder.path().join("top.mp4"));
        let figure = psnr(&all, &source, top.width, top.height);
        assert!(figure >= least, "the picture is not the source's: {figure} dB");
    }
    made
}

fn compare(made: &Stream, source: &Path, folder: &Path) {
    let (shown, _) = if made.video.is_empty() { (vec![], 0) } else { times(source, "v") };
    for (n, rung) in made.video.iter().enumerate() {
        assert!(rung.codecs.starts_with("avc1."), "{}", rung.codecs);
        let all = rung.write(&folder.join(format!("video-{n}.mp4")));
        assert_eq!(complaints(&all), "");
        let (times, _) = times(&all, "v");
        assert_eq!(times.len(), shown.len(), "frames were lost or made");
        for (time, wanted) in times.iter().zip(&shown) {
            let off = (time - (wanted - shown[0])).abs();
            assert!(off < 0.001, "a frame of {wanted} s is shown at {time} s");
        }
    }
    for (n, track) in made.audio.iter().enumerate() {
        assert_eq!(track.codecs, "mp4a.40.2");
        let all = track.write(&folder.join(format!("audio-{n}.mp4")));
        assert_eq!(complaints(&all), "");
        let (heard, samples) = times(source, "a");
        let rate: f64 = f64::from(made.plan.audio[n].rate);
        let zero = shown.first().or(heard.first()).copied().unwrap_or(0.0);
        let wanted = (heard[0] - zero + samples as f64 / rate) * 48_000.0;
        let (_, got) = times(&all, "a");
        assert!((got as f64 - wanted).abs() <= 1024.0, "{got} samples instead of {wanted}");
    }
}

#[tokio::test]
async fn h264_with_reordered_frames_in_mp4() {
    let made = check(
        "a.mp4",
        &format!("{TEST} {TONE} -c:v libx264 -g 30 -bf 3 -c:a aac"),
        Expect { sizes: WIDE, audio: 1, psnr: Some(40.0) },
    )
    .await;
    assert_eq!(made.plan.tasks.len(), 6, "four segments, audio, poster: {:?}", made.plan.tasks);
    let (jpeg, width, height) = made.poster.unwrap();
    assert_eq!((&jpeg[..2], width, height), (&[0xff, 0xd8][..], 320, 180));
}

#[tokio::test]
async fn ntsc_rate_in_mov_with_its_index_at_the_end() {
    check(
        "a.mov",
        "-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=3.5 -c:v libx264 -g 60 -pix_fmt yuv420p",
        Expect { sizes: WIDE, audio: 0, psnr: Some(40.0) },
    )
    .await;
}

#[tokio::test]
async fn variable_rate_in_matroska() {
    let drop = "-vf select='not(mod(n,7))+gt(random(3),0.4)' -fps_mode vfr";
    let made = check(
        "a.mkv",
        &format!("{TEST} {TONE} {drop} -c:v libx264 -g 30 -c:a libopus"),
        Expect { sizes: WIDE, audio: 1, psnr: None },
    )
    .await;
    assert!(made.video[0].frames() < 90);
}

#[tokio::test]
async fn hevc_of_ten_bits() {
    let made = check(
        "a.mp4",
        &format!("{TEST} -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=30 -tag:v hvc1"),
        Expect { sizes: WIDE, audio: 0, psnr: Some(40.0) },
    )
    .await;
    assert_eq!(made.plan.video.unwrap().bit_depth, 10);
}

#[tokio::test]
async fn vp9_and_opus_in_webm() {
    check(
        "a.webm",
        &format!("{TEST} {TONE} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1M -g 30 -c:a libopus"),
        Expect { sizes: WIDE, audio: 1, psnr: Some(40.0) },
    )
    .await;
}

#[tokio::test]
async fn a_rotated_source_is_turned() {
    let folder = tempfile::tempdir().unwrap();
    let flat =
        make(folder.path(), "flat.mp4", &format!("{TEST} -c:v libx264 -g 30 -pix_fmt yuv420p"));
    for (degrees, sizes) in
        [(90, &[(180, 320), (90, 160)][..]), (180, WIDE), (270, &[(180, 320), (90, 160)])]
    {
        check(
            "turned.mp4",
            &format!("-i {} -c copy -metadata:s:v:0 rotate={degrees}", flat.display()),
            Expect { sizes, audio: 0, psnr: Some(40.0) },
        )
        .await;
    }
}

#[tokio::test]
async fn odd_sizes_are_made_even() {
    check(
        "a.mp4",
        "-f lavfi -i testsrc2=s=311x175:r=30:d=2.5 -c:v libx264 -pix_fmt yuv444p -g 30",
        Expect { sizes: &[(310, 174), (160, 90)], audio: 0, psnr: Some(40.0) },
    )
    .await;
}

#[tokio::test]
async fn pixels_that_are_not_square_are_made_so() {
    check(
        "a.mp4",
        "-f lavfi -i testsrc2=s=160x180:r=30:d=2.5 -vf setsar=2/1 -c:v libx264 -pix_fmt yuv420p",
        Expect { sizes: WIDE, audio: 0, psnr: Some(40.0) },
    )
    .await;
}

#[tokio::test]
async fn open_groups_of_pictures_lose_no_frame() {
    let open = "open-gop=1:keyint=24:min-keyint=24:scenecut=0:bframes=3:b-adapt=0";
    check(
        "a.mkv",
        &format!("{TEST} -c:v libx264 -pix_fmt yuv420p -x264-params {open}"),
        Expect { sizes: WIDE, audio: 0, psnr: Some(40.0) },
    )
    .await;
    check(
        "a.mp4",
        &format!("{TEST} -c:v libx265 -preset ultrafast -x265-params log-level=error:open-gop=1:keyint=24:bframes=3"),
        Expect { sizes: WIDE, audio: 0, psnr: Some(40.0) },
    )
    .await;
}

#[tokio::test]
async fn a_refresh_without_keyframes_loses_no_frame() {
    check(
        "a.mp4",
        &format!(
            "{TEST} -c:v libx264 -pix_fmt yuv420p -x264-params intra-refresh=1:keyint=40:bframes=0"
        ),
        Expect { sizes: WIDE, audio: 0, psnr: Some(40.0) },
    )
    .await;
}

#[tokio::test]
async fn one_keyframe_in_the_whole_file_is_decoded_once() {
    let made = check(
        "a.mp4",
        "-f lavfi -i testsrc2=s=320x180:r=30:d=5.5 -c:v libx264 -pix_fmt yuv420p -g 1000",
        Expect { sizes: WIDE, audio: 0, psnr: Some(40.0) },
    )
    .await;
    let decoded: u64 = made.done.iter().map(|(_, done)| done.decoded).sum();
    assert_eq!(made.video[0].frames(), 165);
    assert!(decoded < 165 + 100, "{decoded} frames were decoded for 165");
}

#[tokio::test]
async fn ranges_without_a_frame_belong_to_the_segment_before() {
    let made = check(
        "a.mkv",
        "-f lavfi -i testsrc2=s=320x180:r=10:d=6 -vf select='lt(n,12)+gt(n,45)' -fps_mode vfr -c:v libx264 -g 10 -pix_fmt yuv420p",
        Expect { sizes: WIDE, audio: 0, psnr: None },
    )
    .await;
    let rung = &made.video[0];
    let counts: Vec<u32> = rung.segments.values().map(|segment| segment.0).collect();
    assert_eq!(counts, [10, 2, 0, 0, 4, 10]);
    assert_eq!(rung.segments[&1].2, rung.segments[&4].1);
}

#[tokio::test]
async fn more_than_sixty_frames_a_second_are_thinned() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        "-f lavfi -i testsrc2=s=320x180:r=120:d=2.5 -c:v libx264 -g 60 -pix_fmt yuv420p";
    let source = make(folder.path(), "a.mp4", arguments);
    let made = stream(&Memory::of(&source), &profile()).await.unwrap();
    assert_eq!(made.video[0].frames(), 150);
    let all = made.video[0].write(&folder.path().join("all.mp4"));
    assert_eq!(complaints(&all), "");
}

#[tokio::test]
async fn sound_alone_is_a_stream() {
    let made = check(
        "a.m4a",
        "-f lavfi -i sine=440:r=22050:d=3.5 -ac 1 -c:a aac",
        Expect { sizes: &[], audio: 1, psnr: None },
    )
    .await;
    assert!(made.poster.is_none());
    assert_eq!(made.audio[0].segments.len(), 4);
}

#[tokio::test]
async fn a_cover_picture_is_not_a_video() {
    let folder = tempfile::tempdir().unwrap();
    let cover = make(folder.path(), "c.jpg", "-f lavfi -i testsrc2=s=320x180:d=1 -frames:v 1");
    let arguments = format!(
        "{TONE} -i {} -map 0 -map 1 -c:a aac -c:v copy -disposition:v attached_pic",
        cover.display()
    );
    check("a.m4a", &arguments, Expect { sizes: &[], audio: 1, psnr: None }).await;
}

/// The first sample that is loud, in seconds.
fn onset(sound: &[f32]) -> f64 {
    let first = sound.iter().position(|sample| sample.abs() > 0.05).unwrap();
    first as f64 / 48_000.0
}

#[tokio::test]
async fn sound_and_picture_begin_where_they_did() {
    // A tone from 0.7 s of the source on; the video from 0.4 s on: 0.3 s into what is made.
    let folder = tempfile::tempdir().unwrap();
    for (name, video, audio, expected) in
        [("late.mkv", 0.0, 0.7, 0.7), ("both.mkv", 0.4, 0.7, 0.3), ("late.mp4", 0.0, 0.25, 0.25)]
    {
        let arguments = format!(
            "-itsoffset {video} {TEST} -itsoffset {audio} -f lavfi -i sine=440:r=48000:d=2.5 \
             -map 0 -map 1 -c:v libx264 -g 30 -pix_fmt yuv420p -c:a flac -strict -2"
        );
        let source = make(folder.path(), name, &arguments);
        let made = stream(&Memory::of(&source), &profile()).await.unwrap();
        let sound = samples(&made.audio[0].write(&folder.path().join("sound.mp4")));
        // AAC smears an onset over a part of its 21 ms frame.
        assert!((onset(&sound) - expected).abs() < 0.02, "{name}: {} s", onset(&sound));
        assert_eq!(made.video[0].segments[&0].1, 0);
    }
}

#[tokio::test]
async fn sound_from_before_the_first_picture_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    // Silence until 1 s, then a tone; the video begins at 0.6 s.
    let arguments = format!(
        "-itsoffset 0.6 {TEST} -f lavfi -i aevalsrc='if(gte(t,1),0.5*sin(2000*t),0)':s=48000:d=4 \
         -map 0 -map 1 -c:v libx264 -g 30 -pix_fmt yuv420p -c:a flac"
    );
    let source = make(folder.path(), "a.mkv", &arguments);
    let made = stream(&Memory::of(&source), &profile()).await.unwrap();
    let sound = samples(&made.audio[0].write(&folder.path().join("sound.mp4")));
    assert!((onset(&sound) - 0.4).abs() < 0.02, "{} s", onset(&sound));
}

#[tokio::test]
async fn gaps_in_the_sound_become_silence() {
    let folder = tempfile::tempdir().unwrap();
    // A tone without its second second: packets are missing, the others keep their times.
    let arguments = "-f lavfi -i sine=440:r=44100:d=3 -af aselect='lt(t,1)+gte(t,2)' -c:a flac";
    let source = make(folder.path(), "a.mkv", arguments);
    let made = stream(&Memory::of(&source), &profile()).await.unwrap();
    let sound = samples(&made.audio[0].write(&folder.path().join("sound.mp4")));
    assert!((sound.len() as f64 / 48_000.0 - 3.0).abs() < 0.03, "{}", sound.len());
    let loudest = |from: f64, to: f64| {
        let at = |seconds: f64| (seconds * 48_000.0).round() as usize;
        sound[at(from)..at(to)].iter().fold(0f32, |most, sample| most.max(sample.abs()))
    };
    assert!(loudest(0.2, 0.9) > 0.05 && loudest(2.2, 2.9) > 0.05);
    assert!(loudest(1.2, 1.8) < 0.01);
}

#[tokio::test]
async fn sound_that_ends_early_is_followed_by_silence_to_the_pictures_end() {
    let folder = tempfile::tempdir().unwrap();
    let short = "-f lavfi -i sine=440:r=44100:d=0.5 -c:v libx264 -c:a aac";
    let source = make(folder.path(), "a.mp4", &format!("{TEST} {short}"));
    let made = stream(&Memory::of(&source), &profile()).await.unwrap();
    let all = made.audio[0].write(&folder.path().join("audio.mp4"));
    assert_eq!(complaints(&all), "");
    let (_, got) = times(&all, "a");
    assert!(got.abs_diff(168_000) <= 1024, "{got} samples of 3.5 s");
    assert!(samples(&all)[40_000..].iter().all(|sample| sample.abs() < 0.001));
}

#[tokio::test]
async fn every_second_of_the_source_is_told_while_it_is_worked_on() {
    let folder = tempfile::tempdir().unwrap();
    let source = make(folder.path(), "a.mp4", &format!("{TEST} {TONE} -c:v libx264 -g 300"));
    let source = Memory::of(&source);
    let plan = plan(&host().probe(&source).await.unwrap(), &profile()).unwrap();
    // The run's own beginning is two seconds behind the only keyframe: those are told too.
    let run = Planned::Video { first: 2, end: None };
    for planned in [run, Planned::Audio { track: 0 }] {
        let mut keep = Keep::default();
        host().run(plan.task(planned).unwrap(), &source, &mut keep).await.unwrap();
        let seconds: Vec<_> = keep.progress.iter().map(|at| at / i64::from(TIMESCALE)).collect();
        assert!(seconds.ends_with(&[1, 2, 3]), "{planned:?}: {seconds:?}");
    }
}

#[tokio::test]
async fn five_channels_and_one_become_two() {
    for layout in ["5.1", "mono"] {
        check(
            "a.mkv",
            &format!("{TEST} -f lavfi -i anoisesrc=r=48000:d=3.5 -af aformat=channel_layouts={layout} -c:v libx264 -g 30 -pix_fmt yuv420p -c:a ac3"),
            Expect { sizes: WIDE, audio: 1, psnr: None },
        )
        .await;
    }
}

#[tokio::test]
async fn one_wild_time_costs_its_frame_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    // The 40th frame and the 60th sound claim to come twenty hours late.
    let arguments = format!(
        "{TEST} {TONE} -c:v libx264 -g 30 -bf 0 -pix_fmt yuv420p -c:a aac -live 1 \
         -bsf:v setts=pts=if(eq(N\\,40)\\,PTS+20*3600/TB\\,PTS):dts=DTS \
         -bsf:a setts=pts=if(eq(N\\,60)\\,PTS+20*3600/TB\\,PTS):dts=DTS"
    );
    let source = make(folder.path(), "a.mkv", &arguments);
    let made = stream(&Memory::of(&source), &profile()).await.unwrap();
    let rung = &made.video[0];
    assert_eq!((rung.frames(), rung.segments.len()), (104, 4));
    let sound = samples(&made.audio[0].write(&folder.path().join("sound.mp4")));
    assert!((sound.len() as f64 / 48_000.0 - 3.5).abs() < 0.1, "{} samples", sound.len());
}

#[tokio::test]
async fn a_picture_that_stands_for_long_is_not_taken_for_a_wild_time() {
    let folder = tempfile::tempdir().unwrap();
    // A slide show: a picture every quarter of a minute, the last of them with nobody to vouch for it.
    let arguments = "-f lavfi -i testsrc2=s=320x180:r=1/15:d=60 -c:v libx264 -pix_fmt yuv420p";
    for name in ["a.mp4", "a.mkv"] {
        let source = make(folder.path(), name, arguments);
        let made = stream(&Memory::of(&source), &profile()).await.unwrap();
        assert_eq!(made.video[0].frames(), 4, "{name}");
    }
}

#[tokio::test]
async fn more_channels_than_have_a_name_become_two() {
    check(
        "a.mov",
        &format!("{TEST} -f s16le -ar 48000 -ac 10 -t 3.5 -i /dev/zero -c:v libx264 -g 30 -pix_fmt yuv420p -c:a pcm_s16le"),
        Expect { sizes: WIDE, audio: 1, psnr: None },
    )
    .await;
}

#[tokio::test]
async fn the_same_source_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let source =
        make(folder.path(), "a.mp4", &format!("{TEST} {TONE} -c:v libx264 -g 45 -c:a aac"));
    let source = Memory::of(&source);
    let first = stream(&source, &profile()).await.unwrap();
    let second = stream(&source, &profile()).await.unwrap();
    assert_eq!(first.video, second.video);
    assert_eq!(first.audio, second.audio);
    assert_eq!(first.poster, second.poster);
}

#[tokio::test]
async fn a_file_cut_off_after_its_index_is_made_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!("{TEST} {TONE} -c:v libx264 -g 30 -c:a aac -movflags +faststart");
    let whole = std::fs::read(make(folder.path(), "a.mp4", &arguments)).unwrap();
    let source = Memory(whole[..whole.len() * 6 / 10].to_vec().into());
    let made = stream(&source, &profile()).await.unwrap();
    let frames = made.video[0].frames();
    assert!((40..100).contains(&frames), "{frames} frames");
    let all = made.video[0].write(&folder.path().join("all.mp4"));
    assert_eq!(complaints(&all), "");
    // The plan ends where the file does, and says what is missing; nothing is decoded in vain.
    let second = i64::from(TIMESCALE);
    let duration = made.plan.duration.unwrap();
    assert!((duration - i64::from(frames) * second / 30).abs() < second / 5, "{duration}");
    assert_eq!(made.plan.announced, Some(3 * second + second / 2));
    assert!(made.video[0].segments.values().all(|segment| segment.0 > 0));
    let decoded: u64 = made.done.iter().map(|(_, done)| done.decoded).sum();
    assert!(decoded < 400, "{decoded} frames and sounds were decoded");
}

#[tokio::test]
async fn a_run_beyond_the_end_of_a_file_cut_off_decodes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!("{TEST} -c:v libx264 -g 30 -movflags +faststart");
    let whole = std::fs::read(make(folder.path(), "a.mp4", &arguments)).unwrap();
    let plan = {
        let probed = host().probe(&Memory(whole.clone().into())).await.unwrap();
        plan(&probed, &profile()).unwrap()
    };
    let source = Memory(whole[..whole.len() / 3].to_vec().into());
    let task = plan.task(Planned::Video { first: 2, end: Some(3) }).unwrap();
    let mut keep = Keep::default();
    let Outcome::Done(done) = host().run(task, &source, &mut keep).await.unwrap() else {
        panic!("a video task ended as a probe does")
    };
    assert_eq!((done.decoded, done.at_end), (0, true));
    assert_eq!(
        keep.segments.iter().map(|made| (made.k, made.frames)).collect::<Vec<_>>(),
        [(2, 0)]
    );
}

#[tokio::test]
async fn a_source_without_an_index_is_made_by_several_tasks() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.ts", "cut.mkv"] {
        let arguments = format!("{TEST} -c:v libx264 -g 30 -pix_fmt yuv420p");
        let path = make(folder.path(), name, &arguments);
        if name == "cut.mkv" {
            // Matroska's index is at its end.
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len() * 9 / 10]).unwrap();
        }
        let made = stream(&Memory::of(&path), &profile()).await.unwrap();
        // How much is missing is seen once all was read; that something is, at once.
        assert_eq!(made.plan.announced, made.plan.duration.filter(|_| name == "cut.mkv"), "{name}");
        let runs =
            made.plan.tasks.iter().filter(|task| matches!(task, Planned::Video { .. })).count();
        assert_eq!(runs, 4, "{name}: {:?}", made.plan.tasks);
        compare(&made, &path, folder.path());
    }
}

#[tokio::test]
async fn interlaced_pictures_lose_no_frame() {
    let made = check(
        "a.mp4",
        "-f lavfi -i testsrc2=s=320x180:r=50:d=3.5 -vf tinterlace=interleave_top -c:v libx264 -g 25 -pix_fmt yuv420p -flags +ilme+ildct",
        Expect { sizes: WIDE, audio: 0, psnr: None },
    )
    .await;
    assert!(made.plan.video.unwrap().interlaced);
    assert_eq!(made.video[0].frames(), 87);
}

#[tokio::test]
async fn high_dynamic_range_becomes_standard() {
    let folder = tempfile::tempdir().unwrap();
    // Mid grey: half the signal in PQ is about 92 candela, which is nearly white on a common display.
    let arguments = "-f lavfi -i color=gray:s=320x180:r=30:d=1.5 -pix_fmt yuv420p10le -c:v libx265 \
        -preset ultrafast -x265-params log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc \
        -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";
    let source = make(folder.path(), "a.mp4", arguments);
    let made = stream(&Memory::of(&source), &profile()).await.unwrap();
    assert!(made.plan.video.as_ref().unwrap().hdr);
    compare(&made, &source, folder.path());
    let luma = luma(&made.video[0].write(&folder.path().join("top.mp4")));
    assert!(luma > 140.0, "mean luma {luma}: shown as if it were not HDR");
}
