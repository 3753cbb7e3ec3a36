//! Rows of a table: `y = E[code]`, `E [levels, width]`.

use super::{Op, Pullback};
use crate::params::{ParamId, Params};
use crate::scalar::Scalar;
use crate::tape::{Node, Tape, Var};
use crate::vector;

pub(crate) fn record<T: Scalar>(
    tape: &mut Tape<T>,
    params: &Params<T>,
    table: ParamId,
    codes: &[u32],
) -> Var {
    let [levels, width] = params.range(table).shape();
    assert!(codes.iter().all(|&code| (code as usize) < levels), "a code is a row of the table");
    let (_, node, _) = tape.next();
    (node.op, node.shape, node.trainable) = (Op::Embedding { table }, [codes.len(), width], true);
    node.codes.clear();
    node.codes.extend_from_slice(codes);
    node.value.clear();
    for &code in codes {
        node.value.extend_from_slice(&params.get(table)[code as usize * width..][..width]);
    }
    tape.push()
}

pub(crate) fn pull_back<T: Scalar>(walk: &mut Pullback<T>, node: &mut Node<T>, table: ParamId) {
    let (width, layers) = (node.shape[1], node.stack.layers());
    let parts = walk.parts(node);
    walk.sink.add_some(table);
    for part in &parts {
        let block = walk.sink.block(table);
        let (block_layers, block_layer) = (block.layers(), block.layer(part.loss));
        let (data, _) = walk.sink.set_all(table);
        vector::run(
            #[inline(always)]
            || {
                for row in part.rows.clone() {
                    let from = &node.stack.data[(row * layers + part.layer) * width..][..width];
                    let into = (node.codes[row] as usize * block_layers + block_layer) * width;
                    vector::add_scaled(&mut data[into..][..width], from, T::ONE);
                }
            },
        );
    }
    walk.done(parts);
}
