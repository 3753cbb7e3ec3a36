//! Words without labels help to label words: an auxiliary problem in miniature. Shared with the
//! example `planted`.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};
use rand::RngExt;
use torso_core::seed::{Seed, Stream, shuffle};

use super::{extend, product, structure};

const STATES: usize = 8;
/// Words of a state; half of them are of the next state, too.
const WORDS: usize = 25;
const VOCABULARY: usize = STATES * WORDS;
const LENGTH: usize = 10;

/// Sentences of (state, word): states follow each other in a few ways, words are ambiguous.
fn sentences(n: usize, stream: &mut Stream) -> Vec<Vec<(usize, usize)>> {
    let sentence = |stream: &mut Stream| {
        let mut state = stream.random_range(0..STATES);
        let word = |state: usize, stream: &mut Stream| {
            let ambiguous = stream.random_range(0..4) == 0;
            let of = if ambiguous { (state + 1) % STATES } else { state };
            of * WORDS + stream.random_range(0..WORDS)
        };
        (0..LENGTH)
            .map(|_| {
                let step = [1, 1, 1, 3, 3, 6][stream.random_range(0..6)];
                state = (state * 3 + step) % STATES;
                (state, word(state, stream))
            })
            .collect()
    };
    (0..n).map(|_| sentence(stream)).collect()
}

/// Which word is before, here, and after: `[tokens, 3 * vocabulary]`.
fn features(sentences: &[Vec<(usize, usize)>]) -> Mat<f64> {
    let tokens = sentences.len() * LENGTH;
    let mut x = Mat::zeros(tokens, 3 * VOCABULARY);
    for (s, sentence) in sentences.iter().enumerate() {
        for (at, &(_, word)) in sentence.iter().enumerate() {
            let row = s * LENGTH + at;
            x[(row, VOCABULARY + word)] = 1.0;
            if at > 0 {
                x[(row, sentence[at - 1].1)] = 1.0;
            }
            if at + 1 < LENGTH {
                x[(row, 2 * VOCABULARY + sentence[at + 1].1)] = 1.0;
            }
        }
    }
    x
}

/// The structures of "words around from the word here" and "the word here from those around".
fn both_structures(x: MatRef<'_, f64>) -> Mat<f64> {
    let here: Vec<usize> = (VOCABULARY..2 * VOCABULARY).collect();
    let around: Vec<usize> = (0..VOCABULARY).chain(2 * VOCABULARY..3 * VOCABULARY).collect();
    let first = structure(x, &here, &around, 1.0, STATES).expect("views apart");
    let second = structure(x, &around, &here, 1.0, STATES).expect("views apart");
    let k = first.ncols();
    Mat::from_fn(x.ncols(), k + second.ncols(), |i, j| {
        if j < k { first[(i, j)] } else { second[(i, j - k)] }
    })
}

/// The share of tokens whose state is found by ridge regression of each state against the others.
fn accuracy(x: &Mat<f64>, states: &[usize], test: &Mat<f64>, test_states: &[usize]) -> f64 {
    let sign = |state: usize, of: usize| if state == of { 1.0 } else { -1.0 };
    let gram = product(x.transpose(), x.as_ref());
    let metric = Mat::from_fn(gram.nrows(), gram.nrows(), |i, j| gram[(i, j)] + f64::from(i == j));
    let labels = Mat::from_fn(x.nrows(), STATES, |i, of| sign(states[i], of));
    let factor: Llt<f64> = metric.llt(Side::Lower).expect("positive definite");
    let w = factor.solve(product(x.transpose(), labels.as_ref()));
    let scores = product(test.as_ref(), w.as_ref());
    let best =
        |i: usize| (0..STATES).fold(0, |b, s| if scores[(i, s)] > scores[(i, b)] { s } else { b });
    let right = (0..test.nrows()).filter(|&i| best(i) == test_states[i]).count();
    right as f64 / test.nrows() as f64
}

/// Accuracies on new sentences: words only, with structures of unlabeled sentences, and with those
/// of the same sentences in a shuffled order of words.
pub(super) fn accuracies(labeled: usize, unlabeled: usize, seed: u64) -> [f64; 3] {
    let mut stream = Seed(seed).stream("words", "", 0);
    let learning = sentences(labeled, &mut stream);
    let test = sentences(200, &mut stream);
    let more = sentences(unlabeled, &mut stream);
    let mut words: Vec<(usize, usize)> = more.concat();
    shuffle(&mut words, &mut stream);
    let shuffled: Vec<Vec<(usize, usize)>> = words.chunks(LENGTH).map(<[_]>::to_vec).collect();
    let states = |some: &[Vec<(usize, usize)>]| -> Vec<usize> {
        some.concat().iter().map(|(state, _)| *state).collect()
    };
    let (x, z) = (features(&learning), features(&test));
    let with = |theta: &Mat<f64>| {
        let extended = |m: &Mat<f64>| extend(m.as_ref(), theta.as_ref());
        accuracy(&extended(&x), &states(&learning), &extended(&z), &states(&test))
    };
    [
        with(&Mat::zeros(3 * VOCABULARY, 0)),
        with(&both_structures(features(&more).as_ref())),
        with(&both_structures(features(&shuffled).as_ref())),
    ]
}
