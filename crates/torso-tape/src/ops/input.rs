//! Given rows. No gradient goes into them.

use super::Op;
use crate::scalar::Scalar;
use crate::tape::{Tape, Var};

pub(crate) fn record<T: Scalar>(tape: &mut Tape<T>, values: &[T], width: usize) -> Var {
    let n_rows = values.len().checked_div(width).unwrap_or(0);
    assert_eq!(n_rows * width, values.len(), "whole rows");
    let (_, node, _) = tape.next();
    (node.op, node.shape, node.trainable) = (Op::Input, [n_rows, width], false);
    node.value.clear();
    node.value.extend_from_slice(values);
    tape.push()
}

pub(crate) fn record_rows<T: Scalar>(
    tape: &mut Tape<T>,
    table: &[T],
    width: usize,
    rows: &[u32],
) -> Var {
    let (_, node, _) = tape.next();
    (node.op, node.shape, node.trainable) = (Op::Input, [rows.len(), width], false);
    node.value.clear();
    for &row in rows {
        node.value.extend_from_slice(&table[row as usize * width..][..width]);
    }
    tape.push()
}
