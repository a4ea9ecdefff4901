#!/bin/sh
# Trains the demo's two policies anew and signs them with a key of your own. make policies calls it: it runs in the
# repository's root, with what requirements-dev.txt lists installed and `darwin` on the path.
set -eu
export OMP_NUM_THREADS=1 # one thread: the same training gives the same policy to the bit
key=artifacts/keys/models.key

# Whoever signs holds the private key. That of the policies in the repository was thrown away.
if [ ! -f $key ]; then
    rm -f artifacts/keys/models.pub
    darwin models keygen --out artifacts/keys
fi
rm -rf artifacts/models

# The demo as it is, but rebalanced every day: by the month it has 417 candidates, and training asks for 1,000.
darwin backtest darwin.toml --set strategy.rebalance=day --set agents.2.mode=off --set agents.3.mode=off
for agent in gate portfolio; do
    darwin train $agent --runs last --seed 0 --key $key
    darwin models promote $agent --version v1 --who "make policies" --why "the demo observes it" --key $key
done
