# Recipes; `just` lists them. CI runs `.ci/run`, which is `just ci`.

_list:
    @just --list

# Format everything
fmt:
    cargo fmt --all

# What CI checks before it tests
lint:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets --release -- -D warnings

# All tests
test:
    cargo test --workspace --release

# The documentation, with warnings denied
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --release

# Benches of one crate
bench crate="torso-tape":
    cargo bench -p {{crate}}

# Licenses, bans and sources of all dependencies (needs cargo-deny)
deny:
    cargo deny check licenses bans sources

# A Python environment with PyTorch for the peers
peers-setup:
    benches/peers/setup.sh

# Training steps, task gradients and balanced steps, side by side with PyTorch and TorchJD
peers:
    cargo build --release --example train_step --example balanced_step
    benches/peers/.venv/bin/python benches/peers/train_step.py

# Training steps of LeNet, side by side with PyTorch
peers-lenet:
    cargo build --release -p torso-tape --example lenet_step
    benches/peers/.venv/bin/python -W ignore benches/peers/lenet_step.py

# Predictions for five million rows, beside scikit-learn
peers-predict:
    cargo build --release
    benches/peers/.venv/bin/python benches/peers/predict.py

# The group lasso along a path, beside celer, skglm and scikit-learn
peers-lasso:
    cargo build --release -p torso-linear --example lasso_path
    benches/peers/.venv/bin/python -W ignore benches/peers/lasso_path.py target/release/examples/lasso_path

# Whether each linear method finds what was planted: the table of docs/linear.md
planted *groups:
    cargo run --release -p torso-linear --example planted -- {{groups}}

# Every linear method on every structure of generated tasks: the table of docs/linear.md
method-matrix seeds="3" *methods:
    cargo run --release -p torso-linear --example method_matrix -- {{seeds}} {{methods}}

# The time of two linear methods over tasks, rows and features: table and picture of docs/linear.md
growth:
    benches/growth.sh > target/growth.md
    cat target/growth.md
    python3 benches/growth_plot.py < target/growth.md > docs/linear-growth.svg

# False calls and power of the verdict, on 200 generated data sets for each row of the table
verdict-calls sets="200":
    cargo run --release -p torso-study --example verdict_calls -- --sets {{sets}}

# Whether compare finds helps, nothing and harms where that is the truth
verdict-truth:
    cargo run --release -p torso-study --example verdict_truth

# What cheaper task gradients cost each method, as `torso explain` tells it
task-gradients:
    cargo run --release -p torso-deep --example task_gradients > target/task_gradients.tsv
    mv target/task_gradients.tsv crates/torso/src/commands/task_gradients.tsv

# Every balancing method beside tuned fixed weights: penguins, or sarcos, emotions or school FOLDER
balance-table data="penguins" *options="":
    cargo run --release -p torso-study --example balance_table -- {{data}} {{options}}

# Whether the scale of a task's loss matters to each method
loss-scales:
    cargo run --release -p torso-deep --example loss_scales

# MultiMNIST in the folder OUT, of the files of MNIST in another: 20,000 training and 5,000 test pairs
multimnist folder out *sizes:
    cargo run --release -p torso-data --example multi_mnist -- {{folder}} {{out}} {{sizes}}

# Fuzz csv, gramian, config or model for some seconds (needs nightly Rust and cargo-fuzz)
fuzz target seconds="600":
    mkdir -p fuzz/corpus/{{target}}
    cargo +nightly fuzz run {{target}} fuzz/corpus/{{target}} fuzz/seeds/{{target}} -- \
        -max_total_time={{seconds}} -timeout=10 -malloc_limit_mb=64 \
        {{ if target == "config" { "-dict=fuzz/config.dict" } else { "" } }}

# Everything that CI runs
ci:
    .ci/run

# Whether each sharing architecture finds what was planted: the tables of docs/sharing
sharing-truth *systems:
    cargo run --release -p torso-study --example sharing_truth -- {{systems}}

# What a step of each sharing architecture costs beside hard sharing: the table of docs/sharing
sharing-cost *systems:
    cargo run --release -p torso-deep --example sharing_cost -- {{systems}}
