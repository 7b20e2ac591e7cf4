#!/usr/bin/env bash
# Makes the pictures of the chart's pages again. Needs Graphviz; PORTOLAN_BIN is the program, by default out/portolan.
set -euo pipefail
cd "$(dirname "$0")/.."
portolan=${PORTOLAN_BIN:-out/portolan}
data=tests/data
"$portolan" graph shop/payments --rules "$data/harbor/kube-proxy-1.36/iptables-save.txt" --format svg -o docs/chart-payments.svg
"$portolan" graph default/testsvc --rules "$data/article.md" --format svg -o docs/chart-article.svg 2>/dev/null
"$portolan" graph default/testsvc --chains --rules "$data/article.md" --format svg -o docs/chart-article-chains.svg 2>/dev/null
