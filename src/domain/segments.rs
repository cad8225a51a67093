//! How many text messages an SMS is made of: what providers count and charge for. A text of the
//! GSM 7-bit alphabet (3GPP TS 23.038) has 160 places, of which each part of a longer one loses
//! 7 to what joins it with the others (TS 23.040); any other text is UCS-2, with 70 places and
//! 67. What takes two places is never cut in half.

/// The basic alphabet, a place each; the character ESC is none of a text.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension, two places each.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The number of segments of a text; at least one.
pub fn segments(text: &str) -> i64 {
    let widths: Option<Vec<usize>> = text.chars().map(seven_bit).collect();
    match widths {
        Some(widths) => parts(&widths, 160, 153),
        None => parts(&text.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67),
    }
}

/// The places of a character in the 7-bit alphabet, if it is in there.
fn seven_bit(letter: char) -> Option<usize> {
    if BASIC.contains(letter) { Some(1) } else { EXTENSION.contains(letter).then_some(2) }
}

fn parts(widths: &[usize], alone: usize, joined: usize) -> i64 {
    if widths.iter().sum::<usize>() <= alone {
        return 1;
    }
    let (mut parts, mut free) = (1, joined);
    for width in widths {
        if *width > free {
            parts += 1;
            free = joined;
        }
        free -= width;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_networks_cut_them() {
        for (text, expected) in [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            // Two places each.
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            // 152 places and one that takes two: the last of the first part stays empty.
            (format!("{}€{}", "a".repeat(152), "a".repeat(152)), 3),
            (format!("{}€{}", "a".repeat(152), "a".repeat(151)), 2),
            // Not in the alphabet.
            ("ж".repeat(70), 1),
            ("ж".repeat(71), 2),
            ("ж".repeat(134), 2),
            ("ж".repeat(135), 3),
            // Two units each: 35 fill one, 33 a part of which one unit stays empty.
            ("😀".repeat(35), 1),
            ("😀".repeat(36), 2),
            ("😀".repeat(67), 3),
            (format!("{}ç", "a".repeat(69)), 1),
            (format!("{}ç", "a".repeat(70)), 2),
        ] {
            assert_eq!(segments(&text), expected, "{} of {text:?}", text.chars().count());
        }
    }

    #[test]
    fn the_alphabet_is_whole() {
        // 128 places, less the way to the extension.
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }
}
