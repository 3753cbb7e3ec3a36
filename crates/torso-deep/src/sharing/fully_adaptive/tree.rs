//! The branching tree: which branch of each layer a task goes through.

use serde::{Deserialize, Serialize};

use super::affinity::in_order;

/// The branch of each task in each layer, `[layers][tasks]`, from the features up. Branches are
/// numbered as they appear, and tasks that part never meet again above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Tree {
    layers: Vec<Vec<usize>>,
}

impl Tree {
    /// One branch for all tasks in every layer.
    pub(super) fn shared(n_layers: usize, n_tasks: usize) -> Self {
        Self { layers: vec![vec![0; n_tasks]; n_layers] }
    }

    /// What is wrong with a tree of so many layers and tasks, if anything is.
    pub(super) fn fault(&self, n_layers: usize, n_tasks: usize) -> Option<String> {
        if self.layers.len() != n_layers {
            return Some(format!("{} layers in place of {n_layers}", self.layers.len()));
        }
        if let Some(layer) = self.layers.iter().find(|layer| layer.len() != n_tasks) {
            return Some(format!("{} tasks in place of {n_tasks}", layer.len()));
        }
        if let Some(layer) = self.layers.iter().find(|layer| in_order(layer) != **layer) {
            return Some(format!("branches that are not numbered as they appear: {layer:?}"));
        }
        let meet = |below: &[usize], above: &[usize]| {
            let parent = |branch| above.iter().position(|b| *b == branch).map(|task| below[task]);
            (0..n_tasks).any(|task| parent(above[task]) != Some(below[task]))
        };
        let pairs = self.layers.windows(2);
        let first = pairs.into_iter().position(|pair| meet(&pair[0], &pair[1]));
        first.map(|l| format!("tasks that part in layer {} and meet above", l + 1))
    }

    /// The branch of each task in a layer.
    pub(super) fn branches(&self, layer: usize) -> &[usize] {
        &self.layers[layer]
    }

    /// The number of branches of a layer.
    pub(super) fn n_branches(&self, layer: usize) -> usize {
        self.layers[layer].iter().max().map_or(0, |last| last + 1)
    }

    /// The branch of the layer below that a branch reads; 0 in the lowest.
    pub(super) fn parent(&self, layer: usize, branch: usize) -> usize {
        let task = self.layers[layer].iter().position(|other| *other == branch);
        match layer.checked_sub(1) {
            Some(below) => self.layers[below][task.expect("a branch has a task")],
            None => 0,
        }
    }

    /// The tasks of each branch of the layer above; of the highest layer each task by itself.
    pub(super) fn above(&self, layer: usize) -> Vec<Vec<usize>> {
        let n_tasks = self.layers[layer].len();
        let Some(above) = self.layers.get(layer + 1) else {
            return (0..n_tasks).map(|task| vec![task]).collect();
        };
        let of = |branch| (0..n_tasks).filter(|task| above[*task] == branch).collect();
        (0..self.n_branches(layer + 1)).map(of).collect()
    }

    /// The tree with a layer split: `groups` deals the branches above it to its new branches.
    pub(super) fn split(&self, layer: usize, groups: &[usize]) -> Self {
        let mut tree = self.clone();
        let mut branches = vec![0; self.layers[layer].len()];
        for (tasks, group) in self.above(layer).iter().zip(groups) {
            for task in tasks {
                branches[*task] = *group;
            }
        }
        tree.layers[layer] = in_order(&branches);
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_split_from_the_top() {
        let tree = Tree::shared(2, 4);
        assert_eq!(tree.above(1), [[0], [1], [2], [3]]);
        assert_eq!(tree.above(0), [[0, 1, 2, 3]]);
        let top = tree.split(1, &[1, 0, 1, 2]);
        assert_eq!(top.branches(1), [0, 1, 0, 2]);
        assert_eq!((top.n_branches(0), top.n_branches(1)), (1, 3));
        assert_eq!(top.above(0), [vec![0, 2], vec![1], vec![3]]);
        let both = top.split(0, &[0, 1, 0]);
        assert_eq!(both.branches(0), [0, 1, 0, 0]);
        assert_eq!((0..3).map(|b| both.parent(1, b)).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!(both.parent(0, 1), 0);
        assert_eq!(both.fault(2, 4), None);
    }

    #[test]
    fn what_is_no_tree_is_told() {
        let fault = |layers: &[&[usize]]| {
            let layers = layers.iter().map(|layer| layer.to_vec()).collect();
            Tree { layers }.fault(2, 3).unwrap_or_default()
        };
        assert_eq!(fault(&[&[0, 0, 1], &[0, 1, 2]]), "");
        assert!(fault(&[&[0, 0, 0]]).contains("1 layers"));
        assert!(fault(&[&[0, 0, 0], &[0, 0]]).contains("2 tasks"));
        assert!(fault(&[&[0, 0, 0], &[1, 0, 0]]).contains("as they appear"));
        assert!(fault(&[&[0, 0, 0], &[0, usize::MAX, 1]]).contains("as they appear"));
        assert!(fault(&[&[0, 1, 0], &[0, 0, 1]]).contains("part in layer 1"));
    }
}
