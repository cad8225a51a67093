//! Ends what a client sends at the header of a frame that is too long: the library reads such a
//! frame to its end, holding all of it, before it says so.

use actix_web::dev::{self, Payload};
use actix_web::error::PayloadError;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;

/// A frame's header has two bytes, up to eight more of its length, and four of its mask
/// (RFC 6455, section 5.2).
const LONGEST_HEADER: usize = 14;

/// What is sent, or the error `Overflow` at a frame of more than `most` bytes.
pub(super) fn limit(
    request: &HttpRequest,
    payload: web::Payload,
    most: usize,
) -> actix_web::Result<web::Payload> {
    let mut frames = Frames::default();
    let checked = payload.into_inner().map(move |chunk| {
        let chunk = chunk?;
        if frames.pass(&chunk, most as u64) { Ok(chunk) } else { Err(PayloadError::Overflow) }
    });
    let mut checked: dev::Payload = Payload::Stream { payload: Box::pin(checked) };
    web::Payload::from_request(request, &mut checked).into_inner()
}

/// Where in the frames a stream of bytes has arrived.
enum Frames {
    Header { bytes: [u8; LONGEST_HEADER], known: usize },
    Body { left: u64 },
}

impl Default for Frames {
    fn default() -> Self {
        Self::Header { bytes: [0; LONGEST_HEADER], known: 0 }
    }
}

impl Frames {
    /// Goes over the next bytes. False as soon as a frame says that it is longer than `most`.
    fn pass(&mut self, mut chunk: &[u8], most: u64) -> bool {
        while let Some((first, rest)) = chunk.split_first() {
            match self {
                Self::Body { left: 0 } => *self = Self::default(),
                Self::Body { left } => {
                    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(chunk.len());
                    *left -= step as u64;
                    chunk = chunk.get(step..).unwrap_or_default();
                }
                Self::Header { bytes, known } => {
                    if let Some(place) = bytes.get_mut(*known) {
                        *place = *first;
                    }
                    *known += 1;
                    chunk = rest;
                    if let Some(left) = length(bytes.get(..*known).unwrap_or_default()) {
                        if left > most {
                            return false;
                        }
                        *self = Self::Body { left };
                    }
                }
            }
        }
        true
    }
}

/// The length of the body that follows a header; none as long as the header is not whole.
fn length(header: &[u8]) -> Option<u64> {
    let second = *header.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let extended = match second & 0x7f {
        126 => header.get(2..4)?,
        127 => header.get(2..10)?,
        short => return (header.len() == 2 + mask).then_some(short.into()),
    };
    let length = extended.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    (header.len() == 2 + extended.len() + mask).then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(length: u64, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x81];
        match u8::try_from(length) {
            Ok(short) if short < 126 => frame.push(mask | short),
            _ => match u16::try_from(length) {
                Ok(middle) => {
                    frame.push(mask | 126);
                    frame.extend(middle.to_be_bytes());
                }
                Err(_) => {
                    frame.push(mask | 127);
                    frame.extend(length.to_be_bytes());
                }
            },
        }
        if masked {
            frame.extend([0xff; 4]);
        }
        frame
    }

    #[test]
    fn a_frame_is_refused_at_its_header() {
        for (length, fits) in [(0, true), (125, true), (126, true), (65_535, true), (65_536, true)]
            .into_iter()
            .chain([(65_537, false), (1 << 40, false), (u64::MAX, false)])
        {
            for masked in [true, false] {
                assert_eq!(
                    Frames::default().pass(&frame(length, masked), 65_536),
                    fits,
                    "{length}"
                );
            }
        }
    }

    proptest! {
        /// However the bytes are cut, it is the frame that is too long at which they end.
        #[test]
        fn cuts_change_nothing(
            lengths in prop::collection::vec((0u64..300, any::<bool>()), 0..8),
            last in any::<bool>(),
            cuts in prop::collection::vec(1usize..40, 1..20),
        ) {
            let mut bytes = Vec::new();
            for (length, masked) in lengths {
                bytes.extend(frame(length, masked));
                // A body may look like any header.
                bytes.extend(std::iter::repeat_n(0xff, usize::try_from(length).unwrap()));
            }
            if last {
                bytes.extend(frame(301, true));
            }
            let mut frames = Frames::default();
            let (mut rest, mut passed) = (&bytes[..], true);
            for cut in cuts.into_iter().cycle() {
                if rest.is_empty() || !passed {
                    break;
                }
                let (chunk, behind) = rest.split_at(cut.min(rest.len()));
                passed = frames.pass(chunk, 300);
                rest = behind;
            }
            prop_assert_eq!(passed, !last);
        }
    }
}
