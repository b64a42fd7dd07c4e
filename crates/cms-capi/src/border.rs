//! Where a call comes in and an answer goes out.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::{Failure, Result, Status, keep};

/// A place of the caller's for an answer; a null if he does not want it.
pub type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// Runs the body of a function that answers a value, or `failed` after an error, which is kept.
#[inline]
pub fn guard<T>(failed: T, body: impl FnOnce() -> Result<T>) -> T {
    caught(body).unwrap_or_else(|failure| {
        keep(failure);
        failed
    })
}

/// Makes an error of a panic.
#[inline]
pub fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // A handle that a panic leaves half-changed is guarded by the engine's own invariants: it consumes what it changes.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(fault(&*payload)))
}

#[cold]
fn fault(payload: &(dyn std::any::Any + Send)) -> Failure {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Failure::new(Status::Internal, format!("a fault of the library, please report it: {text}"))
}

/// Runs the body of a function that answers a code.
pub fn status(body: impl FnOnce() -> Result<()>) -> c_int {
    // The code is kept before it is answered, so it is there whatever went wrong.
    match guard(false, || body().map(|()| true)) {
        true => Status::Ok as c_int,
        false => crate::status::cms_last_status(),
    }
}

/// The handle of an argument that must not be null.
pub fn given<T>(handle: Option<T>, what: &str) -> Result<T> {
    handle.ok_or_else(|| Failure::invalid(format!("the {what} is null")))
}

/// Writes an answer, if it is wanted.
pub fn put<T>(out: Out<'_, T>, answer: T) {
    if let Some(out) = out {
        out.write(answer);
    }
}

/// The place of an answer without which the call makes no sense.
pub fn wanted<'a, T>(out: Out<'a, T>) -> Result<&'a mut MaybeUninit<T>> {
    given(out, "place for the answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(status(|| panic!("odd")), Status::Internal as c_int);
        assert_eq!(status(|| Ok(())), Status::Ok as c_int);
        assert_eq!(guard(7, || given(None, "store")), 7);
        assert_eq!(crate::status::cms_last_status(), Status::Invalid as c_int);
    }
}
