//! Two digits in one image, each to be read: `MultiMNIST`, made of the images of MNIST.
//!
//! # Formula
//! For images `a`, `b` `[height, width]`, the pair is `max(top_left(a), bottom_right(b))` on a canvas
//! `[height + 8, width + 8]` of zeros; its labels are those of `a` (left) and of `b` (right). 28 x 28
//! digits become 36 x 36.
//!
//! # Draws
//! The left digits are the images in an order drawn by the seed, over and over where more pairs are
//! asked for; each right one is drawn from all images, so it can be the same image.
//!
//! # Differs from
//! Sabour et al. shift each digit by up to 4 pixels by chance and pair digits of different classes.
//! Here the place of a digit says which task it belongs to, as for Sener and Koltun; the image is not
//! scaled down.
//!
//! # References
//! - S. Sabour, N. Frosst, G. E. Hinton, *Dynamic routing between capsules*, `NeurIPS` 2017.
//! - O. Sener, V. Koltun, *Multi-task learning as multi-objective optimization*, `NeurIPS` 2018.

use rand::RngExt;
use torso_core::seed::{Seed, shuffle};

use crate::idx::Idx;

/// How far the second digit is below and to the right of the first, in pixels.
const SHIFT: usize = 8;

/// Pairs of digits, as the contents of three files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiDigit {
    /// `[n, height + 8, width + 8]`
    pub images: Idx,
    /// The classes of the digits at the top left, `[n]`.
    pub left: Idx,
    /// The classes of the digits at the bottom right, `[n]`.
    pub right: Idx,
}

/// Makes `n` pairs of `images` `[m, height, width]` with their `labels` `[m]`.
///
/// # Panics
/// If the sizes are others, or there are no images.
pub fn multi_digit(images: &Idx, labels: &Idx, n: usize, seed: Seed) -> MultiDigit {
    let &[m, height, width] = images.sizes.as_slice() else { panic!("images are [m, h, w]") };
    assert_eq!(labels.sizes, [m], "each image has a label");
    assert!(m > 0, "there are images");
    let mut order: Vec<usize> = (0..m).collect();
    shuffle(&mut order, &mut seed.stream("multi-digit", "left", 0));
    let mut partners = seed.stream("multi-digit", "right", 0);
    let pairs: Vec<(usize, usize)> =
        order.into_iter().cycle().take(n).map(|a| (a, partners.random_range(0..m))).collect();

    let image = |at: usize| images.bytes[at * height * width..][..height * width].chunks(width);
    let canvas = [height + SHIFT, width + SHIFT];
    let mut bytes = vec![0; n * canvas[0] * canvas[1]];
    for (pair, canvas_bytes) in pairs.iter().zip(bytes.chunks_exact_mut(canvas[0] * canvas[1])) {
        for (digit, shift) in [(pair.0, 0), (pair.1, SHIFT)] {
            let rows = canvas_bytes.chunks_exact_mut(canvas[1]).skip(shift);
            for (into, row) in rows.zip(image(digit)) {
                into[shift..].iter_mut().zip(row).for_each(|(into, &p)| *into = p.max(*into));
            }
        }
    }
    let classes = |of: fn(&(usize, usize)) -> usize| {
        let bytes = pairs.iter().map(|pair| labels.bytes[of(pair)]).collect();
        Idx { sizes: vec![n], bytes }
    };
    let (left, right) = (classes(|pair| pair.0), classes(|pair| pair.1));
    MultiDigit { images: Idx { sizes: vec![n, canvas[0], canvas[1]], bytes }, left, right }
}

impl MultiDigit {
    /// These pairs, and others of the same size behind them.
    ///
    /// # Panics
    /// If the images have another size.
    pub fn followed_by(mut self, others: &Self) -> Self {
        assert_eq!(self.images.sizes[1..], others.images.sizes[1..], "images have one size");
        let parts = [&mut self.images, &mut self.left, &mut self.right];
        for (part, other) in parts.into_iter().zip([&others.images, &others.left, &others.right]) {
            part.sizes[0] += other.sizes[0];
            part.bytes.extend_from_slice(&other.bytes);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five images of 2 x 3 pixels, all of one gray, `10 * (label + 1)`.
    fn digits() -> (Idx, Idx) {
        let labels = [0, 1, 2, 3, 4];
        let bytes = labels.iter().flat_map(|label| [10 * (label + 1); 6]).collect();
        (Idx { sizes: vec![5, 2, 3], bytes }, Idx { sizes: vec![5], bytes: labels.to_vec() })
    }

    #[test]
    fn each_digit_stands_in_its_corner() {
        let (images, labels) = digits();
        let made = multi_digit(&images, &labels, 12, Seed(1));
        assert_eq!((&made.images.sizes, &made.left.sizes), (&vec![12, 10, 11], &vec![12]));
        for (pair, image) in made.images.bytes.chunks_exact(110).enumerate() {
            for (at, &pixel) in image.iter().enumerate() {
                let expected = match (at / 11, at % 11) {
                    (0..2, 0..3) => 10 * (made.left.bytes[pair] + 1),
                    (8.., 8..) => 10 * (made.right.bytes[pair] + 1),
                    _ => 0,
                };
                assert_eq!(pixel, expected, "pair {pair}, pixel {at}");
            }
        }
        // Five pairs take each image once at the left, and the next five again.
        let mut first = made.left.bytes[..5].to_vec();
        assert_eq!(first, made.left.bytes[5..10]);
        first.sort_unstable();
        assert_eq!(first, labels.bytes);
    }

    #[test]
    fn where_digits_overlap_the_brighter_pixel_is_seen() {
        let mut bytes = vec![0; 2 * 9 * 9];
        bytes[0] = 7; // at the top left of the first image
        bytes[80] = 3; // at its bottom right, where the second image begins
        bytes[81] = 5; // at the top left of the second
        bytes[161] = 9;
        let images = Idx { sizes: vec![2, 9, 9], bytes };
        let labels = Idx { sizes: vec![2], bytes: vec![0, 1] };
        let made = multi_digit(&images, &labels, 40, Seed(2));
        let middle = |pair: usize| made.images.bytes[pair * 17 * 17 + 8 * 17 + 8];
        let expected = |pair: usize| match (made.left.bytes[pair], made.right.bytes[pair]) {
            (0, right) => 3.max([7, 5][usize::from(right)]),
            (_, _) => 9,
        };
        assert!((0..40).all(|pair| middle(pair) == expected(pair)));
    }

    #[test]
    fn pairs_follow_from_the_seed() {
        let (images, labels) = digits();
        let made = |seed| multi_digit(&images, &labels, 30, Seed(seed));
        assert_eq!(made(3), made(3));
        assert_ne!(made(3), made(4));
        let both = made(3).followed_by(&made(4));
        assert_eq!((both.images.sizes[0], both.right.sizes[0]), (60, 60));
        assert_eq!(both.right.bytes[30..], made(4).right.bytes);
        assert_eq!(both.images.to_bytes().len(), 16 + 60 * 110);
    }
}
