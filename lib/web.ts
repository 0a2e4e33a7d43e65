/* The module 'tsvq/web': a queue's page, for an app to serve. */

export { createDashboard, type Dashboard } from './web/dashboard.js';
export { nodeHandler } from './web/node-handler.js';
export type { Access, Action, DashboardOptions, Visitor } from './web/options.js';
export { createReport, type ReportOptions } from './web/report.js';
