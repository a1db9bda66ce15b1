# Lines "BEGIN END NAME" in nanoseconds, sorted: which share of the last `seconds` before the last kernel's end no kernel was
# running in, and what each kernel took of a step, of which there are `steps` in that time.
{
  begin[NR] = $1; end[NR] = $2
  sub(/^[0-9]+ [0-9]+ /, ""); name[NR] = $0
  if (end[NR] > last) last = end[NR]
}
END {
  from = last - seconds * 1e9
  covered = from
  for (i = 1; i <= NR; i++) {
    if (end[i] <= from) continue
    b = begin[i] < from ? from : begin[i]
    took[name[i]] += end[i] - b; calls[name[i]]++
    if (end[i] > covered) { busy += end[i] - (b > covered ? b : covered); covered = end[i] }
  }
  printf "outside kernels: %.2f %% of %.1f ms a step\n", 100 * (1 - busy / (seconds * 1e9)), 1000 * seconds / steps
  for (n in took)
    printf "%6.2f %% %9.3f ms %6.1f calls  %s\n", took[n] / (seconds * 1e7), took[n] / steps / 1e6, calls[n] / steps, n | "sort -rn"
}
