/** For screens, and for A4 paper: no script, no font and no picture from elsewhere. */
export const statementStyle = `
:root {
  --ink: #1a2233; --soft: #5b6577; --faint: #687183; --line: #d9dee7; --wash: #f4f6fa; --accent: #1f4e79; --warn: #8a4b00;
  --warn-wash: #fff6e8;
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 14mm 16mm; max-width: 210mm; background: #fff; color: var(--ink);
  font: 10pt/1.45 "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums;
}
h1, h2, h3, p, dl, dd, ul { margin: 0; }
h1 { font-size: 20pt; line-height: 1.15; font-weight: 600; letter-spacing: -0.01em; }
h2 { font-size: 12.5pt; font-weight: 600; color: var(--accent); margin: 9mm 0 2mm; break-after: avoid; }
h3 { font-size: 10.5pt; font-weight: 600; margin: 6mm 0 1.5mm; break-after: avoid; }
.lead { color: var(--soft); margin-bottom: 2.5mm; break-after: avoid; }
.sheet-head { display: flex; justify-content: space-between; gap: 10mm; border-bottom: 0.6mm solid var(--accent); padding-bottom: 5mm; }
.organisation { font-size: 10.5pt; color: var(--soft); margin-bottom: 1mm; }
.document { text-align: right; }
.document strong { display: block; font-size: 12pt; font-weight: 600; color: var(--accent); }
.meta { display: grid; grid-template-columns: repeat(3, 1fr); gap: 3mm 8mm; margin: 5mm 0 6mm; }
.meta dt, .figure .label { font-size: 7.6pt; text-transform: uppercase; letter-spacing: 0.05em; color: var(--soft); }
.meta dd { overflow-wrap: anywhere; }
.figures { display: flex; gap: 4mm; }
.figure { flex: 1; background: var(--wash); border-radius: 1.5mm; padding: 3.5mm 4.5mm; }
.figure.main { flex: 1.35; background: var(--accent); color: #fff; }
.figure.main .label, .figure.main .exact { color: #cfdeee; }
.figure .amount { font-size: 16pt; font-weight: 600; line-height: 1.2; white-space: nowrap; }
.figure .exact { font-size: 8pt; color: var(--soft); }
table { width: 100%; border-collapse: collapse; table-layout: fixed; font-size: 8.4pt; }
caption { text-align: left; font-size: 8.4pt; color: var(--soft); padding-bottom: 1mm; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
tr.place { break-after: avoid; }
tbody.sums { break-before: avoid; }
th, td { padding: 1.1mm 1.6mm; text-align: left; vertical-align: baseline; border-bottom: 0.2mm solid var(--line); }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: 7.6pt; text-transform: uppercase; letter-spacing: 0.04em; color: var(--soft); font-weight: 600; border-bottom: 0.35mm solid var(--faint); }
.number { text-align: right; white-space: nowrap; }
.sub { color: var(--faint); }
tr.place th { padding-top: 2.6mm; font-weight: 600; border-bottom-color: var(--faint); background: none; }
tr.place .what { font-weight: 400; color: var(--soft); }
tbody tr.line td:first-child { padding-left: 3mm; }
tr.sum td, tr.sum th { font-weight: 600; border-top: 0.35mm solid var(--ink); border-bottom: none; }
tr.total td, tr.total th { font-weight: 600; font-size: 10pt; border-top: 0.6mm solid var(--accent); border-bottom: none; padding-top: 1.8mm; }
.mark { display: inline-block; font-size: 7.4pt; line-height: 1.5; padding: 0 1.4mm; border-radius: 0.8mm; background: var(--warn-wash); color: var(--warn); white-space: nowrap; }
.quiet { color: var(--soft); }
.open { display: grid; grid-template-columns: repeat(2, 1fr); gap: 3mm; }
.open > div { border: 0.25mm solid var(--line); border-radius: 1.5mm; padding: 2.5mm 3.5mm; break-inside: avoid; }
.open > div.some { border-color: #e6c48f; background: var(--warn-wash); }
.open strong { display: block; font-size: 12pt; font-weight: 600; }
.open > div.some strong { color: var(--warn); }
.open .label { font-weight: 600; }
.open p { font-size: 8.6pt; color: var(--soft); }
.notes { padding-left: 4.5mm; font-size: 8.8pt; }
.notes li { margin-bottom: 1mm; break-inside: avoid; }
footer { margin-top: 9mm; padding-top: 3mm; border-top: 0.35mm solid var(--line); font-size: 8.4pt; color: var(--soft); break-inside: avoid; }
footer code { font-family: ui-monospace, "Cascadia Mono", Consolas, "Liberation Mono", monospace; color: var(--ink); overflow-wrap: anywhere; }
.notice { margin-top: 4mm; padding: 2.5mm 3.5mm; border-left: 1mm solid var(--warn); background: var(--warn-wash); font-size: 9pt; }
@page { size: A4; margin: 16mm 16mm 18mm; @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 8pt Arial, sans-serif; color: #5b6577; } }
@media print { body { padding: 0; max-width: none; } .figure, .figure.main, .mark, .open > div, .notice { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
@media screen { html { background: #e7ebf1; } body { margin: 10mm auto; box-shadow: 0 1mm 5mm rgb(20 30 60 / 18%); } }
@media screen and (max-width: 210mm) { body { margin: 0; padding: 6mm; } .meta { grid-template-columns: 1fr 1fr; } .figures { flex-wrap: wrap; } .figure { flex-basis: 40%; } .open { grid-template-columns: 1fr; } .scroll { overflow-x: auto; } }
`;
