//! Looking the segment over.

use cms_segment::Root;
pub use cms_segment::{Extent, ExtentKind, Finding as MemoryFinding, PackageUsage, Statistics};

use crate::error::{Error, Result};
use crate::mapped;
use crate::mapped::limit::Beyond;
use crate::store::Store;

impl Store {
    /// Returns what each part of the segment takes, after building it where there is none and this process may.
    ///
    /// # Errors
    /// [`Error::Unmapped`] if the packages have too much text for one, [`Error::Segment`] if there is none for another reason.
    pub fn memory(&self) -> Result<Vec<Statistics>> {
        Ok(self.segment()?.snapshot()?.statistics()?)
    }

    /// Looks the whole segment over and returns what is wrong with it.
    ///
    /// # Errors
    /// As [`memory`](Store::memory).
    pub fn check_memory(&self) -> Result<Vec<MemoryFinding>> {
        Ok(self.segment()?.check()?)
    }

    /// Writes every part of the segment anew, without what is no longer in use. Readers do not notice.
    ///
    /// # Errors
    /// Those of [`memory`](Store::memory), and [`Error::NotOwner`] for those who may not write.
    pub fn defragment(&self) -> Result<()> {
        self.log("defragment the segment")?;
        let root = self.segment()?;
        let mut writer = root.writer()?;
        for segment in root.segments()? {
            writer.defragment(&segment)?;
        }
        Ok(())
    }

    fn segment(&self) -> Result<Root> {
        if let Some(log) = self.optional_log() {
            self.snapshot()?.map();
            if let Some(root) = log.mapped.root(&*log.backend) {
                return Ok(root);
            }
            if let Some(Beyond { text, limit, bound }) = log.mapped.beyond(&*log.backend, &*log.newest()?)? {
                return Err(Error::Unmapped { text, limit, bound });
            }
        }
        Root::attach(&mapped::directory(self.location())).map_err(Error::from)
    }
}
