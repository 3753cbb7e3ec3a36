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

# Training steps and task gradients, side by side with PyTorch
peers:
    cargo build --release --example train_step
    benches/peers/.venv/bin/python benches/peers/train_step.py

# False calls and power of the verdict, on 200 generated data sets for each row of the table
verdict-calls sets="200":
    cargo run --release -p torso-study --example verdict_calls -- --sets {{sets}}

# Whether compare finds helps, nothing and harms where that is the truth
verdict-truth:
    cargo run --release -p torso-study --example verdict_truth

# Everything that CI runs
ci:
    .ci/run
