//! Solvers, each for one form of problem, each with its certificate.
//!
//! | solver | solves |
//! |---|---|
//! | [`proximal`] | a smooth loss plus a penalty with a proximal map (accelerated, with restart) |
//! | [`around_mean`] | a loss around a common vector, as the smooth part of [`proximal`] |
//! | [`row_descent`] | weighted least squares plus a norm of each row (blocks are rows) |
//! | [`hinge_dual`] | support vector machines whose tasks lie near their mean |
//! | [`k_means`] | a partition of points |
//! | [`metric`] | weighted least squares plus `1/2 tr(W' Q W)`, `Q [n_features, n_features]` |
//! | [`split`] | weighted least squares plus one penalty of `L` and another of `S`, `W = L + S` |
//! | [`relation`] | weighted least squares plus `1/2 tr(W P W')`, `P [n_tasks, n_tasks]` |

pub mod around_mean;
pub mod hinge_dual;
pub mod k_means;
pub mod metric;
pub mod proximal;
pub mod relation;
pub mod row_descent;
pub mod split;
