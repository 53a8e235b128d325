import type { DataSource, TokenisationReport } from '../data/index.ts';

/** What opening a model and computing with rows needs from outside: where things are, who listens, when to stop. */
export interface RunContext {
  /** Turns what the user named into a local path: downloads hub ids, checks paths. */
  readonly resolve: (location: string, kind: 'model' | 'data') => Promise<string>;
  /** Where `resolve` will find it: nothing is fetched while another name is wrong. Throws bad-input for what can be nowhere. Default: all is here. */
  readonly whereIs?: (location: string, kind: 'model' | 'data') => 'here' | 'hub';
  /** The files of what the user named as data, where that can be several; default: those at resolve(location, 'data'). */
  readonly sources?: (location: string) => Promise<readonly DataSource[]>;
  /** Folder of stored reference log-probabilities. */
  readonly referenceCache: string;
  readonly signal?: AbortSignal;
  readonly listener: RunListener;
  /** The time that chat templates are told where nothing else says one, a local time in ISO 8601; default: this computer's. Asked for once. */
  readonly now?: () => string;
  /** Memory that the run may take; default: what is free on this machine. */
  readonly availableBytes?: () => number;
}

/** What is told while models are opened and rows computed; the command line shows it, a library caller may ignore it. */
export interface RunListener {
  readonly onNote?: (text: string) => void;
  /** Work begins whose end nobody knows, such as loading weights; it ends where anything else is told, and where undefined is. */
  readonly onLoad?: (what: string | undefined) => void;
  /** Something that the user should know before trusting the result. */
  readonly onWarning?: (text: string) => void;
  readonly onRowsRead?: (rows: number) => void;
  readonly onTokenised?: (split: 'train' | 'held-out', report: TokenisationReport) => void;
  readonly onReference?: (done: number, total: number) => void;
  readonly onScored?: (done: number, total: number) => void;
}
