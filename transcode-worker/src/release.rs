//! A video that nobody holds any more is cleaned away.

use crate::{names, worker::Worker};
use catalog::videos::VideoKey;
use model::Result;

impl Worker {
    /// Takes the video out of use and deletes what was made of it, unless somebody holds it. A crash on
    /// the way is made good by whoever comes by next: the job that led here comes again.
    pub(crate) async fn release(&self, video: &VideoKey) -> Result<()> {
        let Some(leaving) = self.catalog().leaving_video(video, self.now()).await? else {
            return Ok(());
        };
        tracing::info!(%video, "nobody holds a video any more: it is deleted");
        for &id in &leaving.renditions {
            self.delete_prefix(&names::of_rendition(id), &|_| false).await?;
            self.catalog().forget_rendition(id).await?;
        }
        self.catalog().forget_video(&leaving).await
    }
}
