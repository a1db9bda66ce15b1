#include "report/style.h"

namespace dfm::report {
namespace {

constexpr std::string_view kPageStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #f6f6f3; --card: #ffffff; --ink: #1c1e21; --muted: #6a6f76; --line: #e2e2dc; --grid: #ecece7;
  --c1: #2b62c4; --c2: #cf5a1d; --c3: #14806a; --c4: #8548b0; --c5: #b83a5e; --c6: #75701a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131518; --card: #1b1e22; --ink: #e6e7e9; --muted: #969ca5; --line: #2e3238; --grid: #272b30;
    --c1: #7aa7f7; --c2: #f29a5c; --c3: #4cc2a5; --c4: #c090ea; --c5: #f0819f; --c6: #cbc45a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1088px; margin: 0 auto; padding: 40px 24px 64px; }
header { margin-bottom: 28px; }
.eyebrow { margin: 0; color: var(--muted); font-size: 12px; font-weight: 600; letter-spacing: .08em; text-transform: uppercase; }
h1 { margin: 4px 0 0; font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -.015em; overflow-wrap: anywhere; }
h2 { margin: 0 0 12px; font-size: 19px; font-weight: 650; letter-spacing: -.01em; }
h3 { margin: 0; font-size: 14px; font-weight: 600; }
section { margin-top: 40px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 16px; margin-bottom: 16px; }
.tile { padding: 14px 18px 12px; }
.tile p { margin: 0; color: var(--muted); font-size: 13px; }
.tile .figure { color: var(--ink); font-size: 26px; line-height: 1.3; font-weight: 600; letter-spacing: -.02em; }

.facts { margin: 0; padding: 8px 18px; columns: 2 380px; column-gap: 40px; }
.facts div { display: flex; gap: 16px; padding: 6px 0; break-inside: avoid; border-bottom: 1px solid var(--grid); }
.facts div:last-child { border-bottom: 0; }
.facts dt { flex: 0 0 130px; color: var(--muted); overflow-wrap: anywhere; }
.facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }

.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
.chart { margin: 0; padding: 14px 16px 10px; overflow-x: auto; }
.chart.wide { grid-column: 1 / -1; }
.chart figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 18px; }
.chart svg { display: block; width: 100%; height: auto; }
.chart.wide svg { min-width: 640px; }
.unit, .note { color: var(--muted); font-size: 12px; font-weight: 400; }
.note { margin: 4px 0 2px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-left: auto; color: var(--muted); font-size: 12px; }
.legend i { display: inline-block; width: 14px; height: 3px; margin-right: 6px; border-radius: 2px; vertical-align: middle; background: currentColor; }
.legend .thin { opacity: .4; }
.legend .dots { width: 7px; height: 7px; border-radius: 50%; }
svg text { fill: var(--muted); font-size: 12px; }
svg .grid { stroke: var(--grid); }
svg .base { stroke: var(--line); }
svg polyline { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .thin { stroke-width: 1; opacity: .4; }
svg .dots polyline { stroke-width: 1.5; }
svg .dots circle { fill: currentColor; stroke: var(--card); stroke-width: 1.5; }
.readout rect { fill: transparent; }
.readout > :not(rect, title) { visibility: hidden; pointer-events: none; }
.readout:hover > * { visibility: visible; }
.readout line { stroke: var(--muted); stroke-dasharray: 2 3; }
.readout circle { fill: var(--ink); stroke: var(--card); stroke-width: 1.5; }
.readout text { fill: var(--ink); text-anchor: end; }
.c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); }

.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 16px; }
.pictures + h3, h3 + .pictures { margin-top: 10px; }
.pictures + h3 { margin-top: 24px; }
.picture { margin: 0; overflow: hidden; }
.picture.wide { grid-column: 1 / -1; }
.picture img, .picture video { display: block; width: 100%; height: auto; background: var(--grid); }
.picture .file { display: block; padding: 28px 12px; text-align: center; color: var(--c1); overflow-wrap: anywhere; }
.picture figcaption {
  margin: 8px 12px 10px; color: var(--muted); font-size: 13px; line-height: 1.4; overflow: hidden; overflow-wrap: anywhere;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4;
}
.empty { margin: 24px 0; color: var(--muted); }
@media (max-width: 720px) {
  main { padding: 24px 14px 40px; }
  .charts { grid-template-columns: minmax(0, 1fr); }
  .facts dt { flex-basis: 100px; }
}
)css";

}  // namespace

std::string_view page_style() { return kPageStyle; }

}  // namespace dfm::report
