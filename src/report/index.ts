export { chartsOf, keyFiguresOf, type Chart } from './report-curves.ts';
export { escapeHtml } from './report-html.ts';
export { REPORT_STYLE } from './report-style.ts';
export {
  chartCard,
  configurationCard,
  dataCard,
  figureCard,
  renderPage,
  renderReport,
  section,
  verdictBox,
  type PageInput,
  type PageSection,
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
