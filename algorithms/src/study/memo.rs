//! What an algorithm computed of a study, kept until the next question.

use std::any::Any;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A place for one value that follows from the study. It may be dropped at any moment, which costs time and changes no answer;
/// a copy of the study begins without.
#[derive(Default)]
pub(crate) struct Memo(Mutex<Option<Box<dyn Any + Send>>>);

// === impl Memo ===

impl Memo {
    /// Works with the value of a type, a new one if there is none. While it works the place is empty, so what a panic leaves
    /// half done is not found again.
    pub(crate) fn with<T: Any + Send + Default, R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut kept = self.take().unwrap_or_default();
        let result = work(&mut kept);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        result
    }

    fn take<T: Any>(&self) -> Option<Box<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept?.downcast().ok()
    }
}

impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}
