//! Walks back in two parts, with a cut between them: a gradient for each task above it, one
//! combined gradient below.
//!
//! The cut is a value that all tasks read, such as the representation in front of the heads.
//! Above it a walk costs little, since heads are small; below it one walk serves all tasks. That
//! is how weights that are known in advance leave every head its own gradient, and how a balancing
//! method can look at the gradients of the representation instead of those of the parameters.

use super::{Tape, Var};
use crate::jacobian::Jacobian;
use crate::ops::{Op, Runs};
use crate::params::Params;
use crate::products::{add_products, mirror};
use crate::scalar::Scalar;
use crate::sink::{Block, Owner, Sink};
use crate::stack::Half;

impl<T: Scalar> Tape<T> {
    /// Every task's gradient with respect to the parameters that are read above `cut`; those below
    /// belong to nobody, until [`Self::backward_below`] goes on.
    ///
    /// # Panics
    /// If a value above the cut reads one below it.
    pub fn jacobian_above(&mut self, params: &Params<T>, cut: Var, jacobian: &mut Jacobian<T>) {
        let first = cut.index() + 1;
        self.check_cut(cut);
        self.reach_each();
        self.heads = self.find_heads(cut);
        if let Some(heads) = self.heads {
            self.nodes[heads].stack.half = Half::Parameters;
        }
        jacobian.lay_out(self, params, first, false);
        let mut sink = Sink { data: &mut jacobian.data, blocks: &mut jacobian.blocks };
        self.pull_back(params, None, &mut sink, first..self.n_nodes);
        sink.finish();
    }

    /// `G = Z Z'` of the tasks' gradients `Z` with respect to the value at the cut, `[K, K]`,
    /// row-major; after [`Self::jacobian_above`]. Tasks that own disjoint rows are orthogonal here.
    pub fn gramian_at(&self, params: &Params<T>, cut: Var, gramian: &mut Vec<f64>) {
        let node = &self.nodes[cut.index()];
        let (n_losses, width) = (self.losses.len(), node.shape[1]);
        gramian.clear();
        gramian.resize(n_losses * n_losses, 0.0);
        if let Some(heads) = self.heads {
            self.gramian_of_heads(params, heads, gramian);
            return;
        }
        let layers = node.stack.layers();
        if node.stack.is_fresh() || layers == 0 {
            return;
        }
        let losses = node.stack.channels.iter().map(|&channel| self.loss_of_channel(channel));
        if losses.clone().all(|loss| loss.is_some()) {
            let losses: Vec<u32> = losses.flatten().collect();
            let stack = &node.stack.data[..];
            add_products([stack, stack], width, &losses, n_losses, gramian);
            mirror(n_losses, gramian);
            return;
        }
        for (layer, &channel) in node.stack.channels.iter().enumerate() {
            let Op::Loss(op) = self.nodes[channel as usize].op else { continue };
            let runs = Runs { codes: &self.nodes[channel as usize].codes, at: 0 };
            for (group, rows) in runs.filter(|(group, _)| Some(*group) < op.n_groups) {
                let at = (op.first + group) * (n_losses + 1);
                for row in rows {
                    let own = &node.stack.data[(row * layers + layer) * width..][..width];
                    gramian[at] += own.iter().map(|g| g.double() * g.double()).sum::<f64>();
                }
            }
        }
    }

    /// The gradient of one loss with respect to a value, `[rows, width]`, after a walk with a
    /// gradient for each task; zeros where the loss does not reach the value.
    pub fn gradient_at(&self, value: Var, loss: usize, gradient: &mut Vec<f64>) {
        let node = &self.nodes[value.index()];
        let ([n_rows, width], layers) = (node.shape, node.stack.layers());
        gradient.clear();
        let reaches =
            |channel: &u32| self.loss_of_channel(*channel).is_some_and(|l| l as usize == loss);
        let layer = node.stack.channels.iter().position(reaches);
        let Some(layer) = layer.filter(|_| !node.stack.is_fresh() && !node.stack.by_columns) else {
            gradient.resize(n_rows * width, 0.0);
            return;
        };
        for row in 0..n_rows {
            let own = &node.stack.data[(row * layers + layer) * width..][..width];
            gradient.extend(own.iter().map(|g| g.double()));
        }
    }

    /// The only reader of the cut, if it is a layer of heads side by side. Its cotangents are then
    /// kept apart by columns, and pass below the cut only when they are weighed: a representation's
    /// gradient for each task is never made.
    fn find_heads(&self, cut: Var) -> Option<usize> {
        let above = cut.index() + 1..self.n_nodes;
        let reads = |at: &usize| self.nodes[*at].inputs().any(|input| input == cut);
        let mut readers = above.filter(reads);
        let heads = readers.next().filter(|_| readers.next().is_none())?;
        self.nodes[heads].stack.by_columns.then_some(heads)
    }

    /// With the cotangents `S_t [B, columns]` of a task's columns and their weights `W_t [width,
    /// columns]`, `Z_t = S_t W_t'`; so `Z_s . Z_t` is the sum of `(S_s' S_t) * (W_s' W_t)`.
    fn gramian_of_heads(&self, params: &Params<T>, heads: usize, gramian: &mut [f64]) {
        let node = &self.nodes[heads];
        let Op::Linear(op) = node.op else { unreachable!("heads are linear") };
        let width = node.shape[1];
        let [of_rows, of_weights] =
            [&node.stack.data[..], params.get(op.weight)].map(|rows| squares(rows, width));
        let n_losses = self.losses.len();
        for &a in &node.stack.channels {
            for &b in &node.stack.channels {
                let (Op::Loss(a), Op::Loss(b)) =
                    (self.nodes[a as usize].op, self.nodes[b as usize].op)
                else {
                    unreachable!("channels are losses")
                };
                let sum: f64 = (a.columns[0]..a.columns[1])
                    .flat_map(|i| (b.columns[0]..b.columns[1]).map(move |j| i * width + j))
                    .map(|at| of_rows[at] * of_weights[at])
                    .sum();
                gramian[a.first * n_losses + b.first] += sum;
            }
        }
    }

    /// The loss behind a channel; `None` where it holds the losses of groups.
    fn loss_of_channel(&self, channel: u32) -> Option<u32> {
        match self.nodes[channel as usize].op {
            Op::Loss(op) if op.n_groups.is_none() => u32::try_from(op.first).ok(),
            _ => None,
        }
    }

    /// Goes on from the cut after [`Self::jacobian_above`]: adds the gradient of the weighted sum
    /// of the losses with respect to the parameters that are read at the cut or below it.
    ///
    /// # Panics
    /// If there is not a weight for each loss, or `gradient` is not as long as the parameters.
    pub fn backward_below(
        &mut self,
        params: &Params<T>,
        cut: Var,
        weights: &[T],
        gradient: &mut [T],
    ) {
        assert_eq!(weights.len(), self.losses.len(), "a weight for each loss");
        assert_eq!(gradient.len(), params.len(), "a gradient is as long as the parameters");
        match self.heads {
            Some(heads) => self.merge_columns(cut, heads, weights),
            None => self.merge_layers(cut, weights),
        }
        self.reach_below(cut);
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks.resize_with(params.ranges().len(), Block::new);
        for (block, range) in blocks.iter_mut().zip(params.ranges()) {
            (block.start, block.shape) = (range.span().start, range.shape());
            (block.owner, block.fresh) = (Owner::One, true);
        }
        for node in &self.nodes[cut.index() + 1..self.n_nodes] {
            for param in node.op.params().into_iter().flatten() {
                blocks[param.index()].fresh = false;
            }
        }
        let mut sink = Sink { data: gradient, blocks: &mut blocks };
        if let Some(heads) = self.heads {
            self.pull_back(params, Some(weights), &mut sink, heads..heads + 1);
        }
        self.pull_back(params, Some(weights), &mut sink, 0..cut.index() + 1);
        self.blocks = blocks;
    }

    /// Weighs the columns of the heads' cotangents by their losses, so that one walk takes them on.
    fn merge_columns(&mut self, cut: Var, heads: usize, weights: &[T]) {
        let (below, rest) = self.nodes.split_at_mut(heads);
        let (node, above) = rest.split_first_mut().expect("the heads are a node");
        let width = node.shape[1];
        for &channel in &node.stack.channels {
            let Op::Loss(op) = above[channel as usize - heads - 1].op else {
                unreachable!("channels are losses")
            };
            for row in node.stack.data.chunks_exact_mut(width) {
                for s in &mut row[op.columns[0]..op.columns[1]] {
                    *s *= weights[op.first];
                }
            }
        }
        node.stack.by_columns = false;
        node.stack.half = Half::Input;
        node.stack.channels.clear();
        node.stack.channels.push(0);
        let stack = &mut below[cut.index()].stack;
        stack.reset();
        stack.channels.push(0);
    }

    /// Sums the layers of the cut's stack by the weights of their losses, into its first layer.
    fn merge_layers(&mut self, cut: Var, weights: &[T]) {
        let (below, above) = self.nodes.split_at_mut(cut.index() + 1);
        let node = &mut below[cut.index()];
        let ([n_rows, width], layers) = (node.shape, node.stack.layers());
        if node.stack.is_fresh() || layers == 0 {
            return;
        }
        for row in 0..n_rows {
            let (into, from) = (row * width, row * layers * width);
            for (layer, &channel) in node.stack.channels.iter().enumerate() {
                let source = &above[channel as usize - cut.index() - 1];
                let Op::Loss(op) = source.op else { unreachable!("channels are losses") };
                let group = source.codes.get(row).map_or(0, |code| *code as usize);
                let known = group < op.n_losses;
                let weight = if known { weights[op.first + group] } else { T::ZERO };
                if layer == 0 {
                    node.stack.data.copy_within(from..from + width, into);
                    node.stack.data[into..into + width].iter_mut().for_each(|s| *s *= weight);
                } else {
                    // The layer lies behind the row it is added to.
                    let (head, tail) = node.stack.data.split_at_mut(from + layer * width);
                    let sum = &mut head[into..into + width];
                    sum.iter_mut().zip(&tail[..width]).for_each(|(sum, s)| *sum += weight * *s);
                }
            }
        }
    }

    /// One channel from the cut down.
    fn reach_below(&mut self, cut: Var) {
        let nodes = &mut self.nodes[..=cut.index()];
        let (own, rest) = nodes.split_last_mut().expect("the cut is a node");
        for node in rest {
            node.stack.reset();
        }
        own.stack.channels.clear();
        if own.trainable && (self.heads.is_some() || !own.stack.is_fresh()) {
            own.stack.channels.push(0);
        }
        self.reach_inputs(cut.index() + 1);
    }

    fn check_cut(&self, cut: Var) {
        for node in &self.nodes[cut.index() + 1..self.n_nodes] {
            for input in node.inputs() {
                assert!(
                    input.index() >= cut.index() || !self.nodes[input.index()].trainable,
                    "a value above the cut reads another one below it"
                );
            }
        }
    }
}

/// `M' M` of row-major `rows` of some width.
fn squares<T: Scalar>(rows: &[T], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width * width];
    for row in rows.chunks_exact(width) {
        for (a, sums) in row.iter().zip(sums.chunks_exact_mut(width)) {
            let a = a.double();
            sums.iter_mut().zip(row).for_each(|(sum, b)| *sum += a * b.double());
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use torso_core::seed::{Seed, normal};

    use super::*;
    use crate::{Activation, Groups, HeadGradient, Init, LossKind, LossSpec, ParamId};

    struct Net {
        params: Params<f64>,
        layers: [[ParamId; 2]; 2],
        heads: [ParamId; 2],
        inputs: Vec<f64>,
        targets: Vec<Vec<f64>>,
    }

    const ROWS: usize = 6;
    const TASKS: usize = 3;

    fn net() -> Net {
        let mut params = Params::new(Seed(4));
        let mut layer = |name: &str, shape: [usize; 2]| {
            let init = Init::Normal { sd: 0.7 };
            [
                params.add(format!("{name}.w"), shape, init),
                params.add(format!("{name}.b"), [1, shape[1]], init),
            ]
        };
        let layers = [layer("a", [4, 5]), layer("b", [5, 7])];
        let heads = layer("heads", [7, TASKS]);
        let mut stream = Seed(5).stream("test", "", 0);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| normal(&mut stream)).collect() };
        let inputs = draw(ROWS * 4);
        let mut targets: Vec<Vec<f64>> = (0..TASKS).map(|_| draw(ROWS)).collect();
        targets[1][2] = f64::NAN;
        Net { params, layers, heads, inputs, targets }
    }

    /// Records the net; gives the hidden values.
    fn record(net: &Net, tape: &mut Tape<f64>) -> [Var; 2] {
        tape.clear();
        let x = tape.input(&net.inputs, 4);
        let [a, b] = net.layers;
        let h = tape.linear(&net.params, x, a[0], a[1], Activation::Tanh);
        let z = tape.linear(&net.params, h, b[0], b[1], Activation::Tanh);
        let y = tape.linear(&net.params, z, net.heads[0], net.heads[1], Activation::Identity);
        for (t, targets) in net.targets.iter().enumerate() {
            tape.loss(y, t..t + 1, &LossSpec::new(LossKind::Squared, targets));
        }
        [h, z]
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
    }

    #[test]
    fn both_parts_together_are_the_whole_gradient() {
        let net = net();
        let mut tape = Tape::new();
        let weights = [0.3, -1.2, 2.0];
        let n = net.params.len();
        let (mut whole, mut own) = (vec![0.0; n], vec![0.0; n]);
        let mut jacobian = Jacobian::new();
        record(&net, &mut tape);
        tape.backward(&net.params, &weights, &mut whole);
        tape.jacobian(&net.params, &mut jacobian);
        jacobian.combine(&weights, HeadGradient::Own, &mut own);
        for cut in 0..2 {
            for (heads, expected) in [(HeadGradient::Weighted, &whole), (HeadGradient::Own, &own)] {
                let cut = record(&net, &mut tape)[cut];
                let mut found = vec![f64::NAN; n];
                tape.jacobian_above(&net.params, cut, &mut jacobian);
                jacobian.combine(&weights, heads, &mut found);
                tape.backward_below(&net.params, cut, &weights, &mut found);
                assert_close(&found, expected);
            }
        }
    }

    #[test]
    fn the_gramian_at_the_cut_is_that_of_the_gradients_of_the_value() {
        let net = net();
        let mut tape = Tape::new();
        let [_, z] = record(&net, &mut tape);
        let mut jacobian = Jacobian::new();
        tape.jacobian_above(&net.params, z, &mut jacobian);
        let mut found = Vec::new();
        tape.gramian_at(&net.params, z, &mut found);
        // dL_t/dz = 2 (y_t - target_t) / n_t w_t, row by row.
        let z_value = tape.value(z);
        let (w, b) = (net.params.get(net.heads[0]), net.params.get(net.heads[1]));
        let slope = |t: usize, row: usize| {
            let y: f64 =
                (0..7).map(|j| z_value[row * 7 + j] * w[j * TASKS + t]).sum::<f64>() + b[t];
            let n = net.targets[t].iter().filter(|y| !y.is_nan()).count() as f64;
            let target = net.targets[t][row];
            if target.is_nan() { 0.0 } else { 2.0 * (y - target) / n }
        };
        for i in 0..TASKS {
            for j in 0..TASKS {
                let columns: f64 = (0..7).map(|k| w[k * TASKS + i] * w[k * TASKS + j]).sum();
                let rows: f64 = (0..ROWS).map(|row| slope(i, row) * slope(j, row)).sum();
                assert!((found[i * TASKS + j] - rows * columns).abs() < 1e-12);
            }
        }
        // Of the last layer's parameters, that of the blocks above the value in front of it.
        let [h, _] = record(&net, &mut tape);
        let (mut last, mut all) = (Vec::new(), Vec::new());
        tape.jacobian_above(&net.params, h, &mut jacobian);
        jacobian.gramian(&mut last);
        assert_eq!(jacobian.n_shared(), 5 * 7 + 7);
        record(&net, &mut tape);
        tape.jacobian(&net.params, &mut jacobian);
        jacobian.gramian(&mut all);
        assert!(all[0] > last[0] && last[0] > 0.0);
    }

    #[test]
    fn a_value_has_a_gradient_for_each_loss_that_reaches_it() {
        let net = net();
        let mut tape = Tape::new();
        let [h, _] = record(&net, &mut tape);
        let mut jacobian = Jacobian::new();
        tape.jacobian_above(&net.params, h, &mut jacobian);
        let mut gramian = Vec::new();
        tape.gramian_at(&net.params, h, &mut gramian);
        for a in 0..TASKS {
            for b in 0..TASKS {
                let [mut one, mut other] = [Vec::new(), Vec::new()];
                tape.gradient_at(h, a, &mut one);
                tape.gradient_at(h, b, &mut other);
                let product: f64 = one.iter().zip(&other).map(|(a, b)| a * b).sum();
                assert!((product - gramian[a * TASKS + b]).abs() < 1e-12);
            }
        }
        let mut none = vec![1.0];
        tape.gradient_at(h, TASKS, &mut none);
        assert_eq!(none, [0.0; ROWS * 5]);
    }

    #[test]
    fn groups_share_a_channel_and_are_weighed_row_by_row() {
        let net = net();
        let groups = [0, 0, 1, 1, 2, 7];
        let record = |tape: &mut Tape<f64>| {
            tape.clear();
            let x = tape.input(&net.inputs, 4);
            let [a, b] = net.layers;
            let h = tape.linear(&net.params, x, a[0], a[1], Activation::Tanh);
            let z = tape.linear(&net.params, h, b[0], b[1], Activation::Tanh);
            let groups = Some(Groups { of_row: &groups, n: 3 });
            let spec = LossSpec { groups, ..LossSpec::new(LossKind::Squared, &net.targets[0]) };
            tape.loss(z, 0..1, &spec);
            h
        };
        let (mut tape, mut jacobian) = (Tape::new(), Jacobian::new());
        let weights = [0.5, 2.0, -1.0];
        let n = net.params.len();
        let (mut whole, mut found) = (vec![0.0; n], vec![0.0; n]);
        record(&mut tape);
        tape.backward(&net.params, &weights, &mut whole);
        let cut = record(&mut tape);
        tape.jacobian_above(&net.params, cut, &mut jacobian);
        let mut gramian = Vec::new();
        tape.gramian_at(&net.params, cut, &mut gramian);
        assert!((0..3).all(|t| gramian[t * 4] > 0.0));
        assert!(gramian[1].abs() + gramian[2].abs() + gramian[5].abs() < f64::EPSILON);
        jacobian.combine(&weights, HeadGradient::Weighted, &mut found);
        tape.backward_below(&net.params, cut, &weights, &mut found);
        assert_close(&found, &whole);
    }
}
