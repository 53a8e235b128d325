export { renderPage, section, type PageInput, type PageSection } from './page.ts';
export { chartsOf, keyFiguresOf, type Chart } from './report-curves.ts';
export { escapeHtml, scriptJson } from './report-html.ts';
export { PAGE_PALETTE } from './report-style.ts';
export {
  chartCard,
  configurationCard,
  dataCard,
  figureCard,
  renderReport,
  type ReportInput,
  type ReportSample,
  type ReportSection,
} from './report.ts';
export {
  renderSweepReport,
  type SweepReportFigures,
  type SweepReportGroup,
  type SweepReportInput,
  type SweepReportRun,
} from './sweep-report.ts';
