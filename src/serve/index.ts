export type { Backend, Call, ChatPiece, TextPiece } from './backends/backend.ts';
export { parseServeSettings, SERVE_SETTINGS, serveProblems, type ServeSettings } from './config/serve-config.ts';
export { ServeError } from './serve-error.ts';
export { startServer, type RunningServer, type ServerOptions } from './server.ts';
