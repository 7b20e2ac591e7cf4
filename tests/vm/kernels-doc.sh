#!/usr/bin/env bash
# Generates docs/kernels.md from the results of tests/vm/run.sh.
#
#   tests/vm/kernels-doc.sh [RESULTS.tsv ...] >docs/kernels.md
#
# Without files: out/vm/results.tsv. If several files have results for a kernel, the last file counts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
(($#)) || set -- "$here/../../out/vm/results.tsv"
cat "$here/kernels-head.md"
# By the kernels' versions, whatever order they were run in.
order=$(cut -f1,2 "$@" | sort -t $'\t' -k2,2V -u | cut -f1 | tr '\n' ' ')
awk -F'\t' -v OFS='|' -v order="$order" '
  BEGIN {n = split(order, kernels, " ")}
  FNR == 1 {delete fresh}
  !($1 in fresh) {fresh[$1] = 1; for (k in count) if (index(k, $1 SUBSEP) == 1) delete count[k]; for (k in verdict) if (index(k, $1 SUBSEP) == 1) delete verdict[k]}
  {release[$1] = $2}
  $3 == "features" {verdict[$1, $5] = $4 == "INFO" ? substr($6, 1, 3) == "yes" ? "yes" : "no" : $4 == "PASS" ? "yes" : "**no**"
    if (!($5 in feature)) {feature[$5] = $4 == "INFO" ? "other" : "needed"; features[++f] = $5}}
  $3 ~ /^nft / {verdict[$1, $3 " " $5] = $4 == "PASS" ? "yes" : $4 == "SKIP" ? "no" : "**no**"
    if (!(($3) in nft)) {nft[$3] = 1; versions[++v] = $3}; if (!($5 in what)) {what[$5] = 1; whats[++w] = $5}}
  $3 ~ /^(nftables|iptables-nft|iptables-legacy|ipvs)$/ {if ($5 ~ /^first sync/) cold[$1] = $4 == "PASS" ? $6 : "fails"; else count[$1, $3, $4]++}
  $3 == "machine" {gone[$1] = $4 ": " $6}
  function cell(kernel, mode,   pass, fail) {
    pass = count[kernel, mode, "PASS"] + 0; fail = count[kernel, mode, "FAIL"] + 0
    return pass + fail == 0 ? "not run" : fail == 0 ? "works (" pass " flows)" : pass == 0 ? "**fails**" : "**" fail " of " pass + fail " flows fail**"
  }
  END {
    print "\n## Modes\n\nFlows of the scenarios that behaved as expected, with real packets.\n"
    print "| kernel | nftables | iptables, nft back-end | iptables, legacy back-end | ipvs | first sync with no module loaded |"
    print "|---|---|---|---|---|---|"
    for (i = 1; i <= n; i++) {k = kernels[i]; print "| " release[k] " | " cell(k, "nftables") " | " cell(k, "iptables-nft") " | " cell(k, "iptables-legacy") " | " cell(k, "ipvs") " | " ((k in cold) ? cold[k] : (k in gone) ? gone[k] : "not run") " |"}
    head = "| |"; rule = "|---|"
    for (i = 1; i <= n; i++) {head = head " " release[kernels[i]] " |"; rule = rule "---|"}
    for (kind = 1; kind <= 2; kind++) {
      print kind == 1 ? "\n## What our rules are made of\n" : "\n## Features that they do not use\n"
      print head "\n" rule
      for (j = 1; j <= f; j++) if (feature[features[j]] == (kind == 1 ? "needed" : "other")) {
        line = "| " features[j] " |"
        for (i = 1; i <= n; i++) line = line " " verdict[kernels[i], features[j]] " |"
        print line
      }
    }
    print "\n## Other versions of nft beside our tables\n"
    if (v == 0) print "Not run: our table was not there to be read."
    else {
      print head "\n" rule
      for (l = 1; l <= v; l++) for (j = 1; j <= w; j++) {
        line = "| " versions[l] " " whats[j] " |"
        for (i = 1; i <= n; i++) line = line " " ((kernels[i], versions[l] " " whats[j]) in verdict ? verdict[kernels[i], versions[l] " " whats[j]] : "not run") " |"
        print line
      }
    }
  }' "$@"
