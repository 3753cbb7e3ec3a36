//! Reverse-mode differentiation with many cotangents at once.
//!
//! Multi-task learning asks, at every step, for the gradient of *each* loss with respect to the
//! parameters that tasks share. A [`Tape`] records one forward pass and gives either
//! [`Tape::backward`], one combined gradient for given weights of the losses, or
//! [`Tape::jacobian`], a row for every task, in one walk over the same ops: every op's pullback
//! takes a stack of cotangents, one for each loss that reaches it.
//!
//! [`Params`] is one flat buffer; an [`Optimizer`] is one loop over it. With one thread and a
//! fixed shape, nothing is allocated after the second step.
//!
//! ```
//! use torso_core::seed::Seed;
//! use torso_tape::{Activation, Init, LossKind, LossSpec, Params, Tape};
//!
//! let mut params = Params::<f32>::new(Seed(0));
//! let weight = params.add("trunk.weight", [2, 4], Init::Uniform { bound: 0.7 });
//! let bias = params.add("trunk.bias", [1, 4], Init::Zeros);
//! let head = params.add("heads.weight", [4, 2], Init::Uniform { bound: 0.5 });
//! let head_bias = params.add("heads.bias", [1, 2], Init::Zeros);
//!
//! let mut tape = Tape::new();
//! let x = tape.input(&[0.1, 0.2, 0.3, 0.4], 2);
//! let h = tape.linear(&params, x, weight, bias, Activation::Relu);
//! let y = tape.linear(&params, h, head, head_bias, Activation::Identity);
//! // Two tasks; the second has one label missing.
//! tape.loss(y, 0..1, &LossSpec::new(LossKind::Squared, &[1.0, 2.0]));
//! tape.loss(y, 1..2, &LossSpec::new(LossKind::BinaryCrossEntropy, &[1.0, f32::NAN]));
//!
//! let mut gradient = vec![0.0; params.len()];
//! tape.backward(&params, &[1.0, 0.5], &mut gradient);
//! ```

#![expect(
    clippy::inline_always,
    reason = "what is inlined into a dispatched closure is compiled for the machine's vector unit"
)]
#![cfg_attr(
    test,
    expect(clippy::float_cmp, reason = "tests compare what must be equal to the bit")
)]

mod jacobian;
mod matmul;
mod ops;
mod optimizer;
mod params;
mod products;
mod scalar;
mod schedule;
mod sink;
mod stack;
mod tape;
mod vector;

pub use jacobian::{HeadGradient, Jacobian};
pub use ops::conv::ConvShape;
pub use ops::linear::Activation;
pub use ops::loss::{Groups, LossKind, LossSpec, Role};
pub use ops::select::{selected, smooth_step};
pub use optimizer::{Optimizer, OptimizerConfig, clip_norm};
pub use params::{Init, ParamId, ParamRange, Params};
pub use scalar::Scalar;
pub use schedule::Schedule;
pub use tape::{Tape, Var};

#[cfg(test)]
mod finite_difference;
