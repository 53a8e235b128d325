import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What one request was, for the figures. */
export interface MeasuredRequest {
  readonly operation: 'chat' | 'text_completion';
  /** The name by which the answering version was loaded; a bounded set. Undefined for requests that reached none. */
  readonly model: string | undefined;
  readonly seconds: number;
  readonly firstTokenSeconds?: number | undefined;
  readonly promptTokens?: number | undefined;
  readonly completionTokens?: number | undefined;
  /** The status where it failed, or `cancelled`. */
  readonly errorType?: string | undefined;
}

/** What the engines and the queue hold now. */
export interface EngineGauges {
  readonly running: number;
  readonly waiting: number;
}

/** What has happened at another server since the start. */
export interface UpstreamFigures {
  readonly name: string;
  readonly breaker: 'closed' | 'open' | 'trial';
  readonly running: number;
  readonly requests: number;
  readonly failures: number;
  readonly retries: number;
  readonly fallbacks: number;
  readonly mends: Readonly<Record<string, number>>;
}

/** Records on their way to a home server. */
export interface ForwardFigures {
  readonly waiting: number;
  readonly sent: number;
  readonly refused: number;
  readonly dropped: number;
  /** Given up since the start, the spool being full or the record too long. */
  readonly lost: number;
}

export interface ServerMetrics {
  readonly contentType: string;
  record(request: MeasuredRequest): void;
  /** Prometheus' text. */
  text(): Promise<string>;
}

const SECONDS = [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144];
const LABELS = ['gen_ai_operation_name', 'gen_ai_request_model'] as const;

/**
 * Figures of a server. Names and buckets are those of OpenTelemetry's semantic conventions for generative AI where these have one, with `_` for `.` and the unit behind,
 * as Prometheus writes them; ours begin with `preftune_`.
 *
 * Source: OpenTelemetry, semantic conventions, gen-ai-metrics.
 */
export function createMetrics({
  gauges,
  upstreams = () => [],
  forward = () => undefined,
}: {
  readonly gauges: () => EngineGauges;
  /** Undefined where records are not forwarded. */
  readonly forward?: () => ForwardFigures | undefined;
  readonly upstreams?: () => readonly UpstreamFigures[];
}): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const duration = new Histogram({
    name: 'gen_ai_server_request_duration_seconds',
    help: 'From the arrival of a request to its last byte',
    labelNames: [...LABELS, 'error_type'],
    buckets: SECONDS,
    registers,
  });
  const firstToken = new Histogram({
    name: 'gen_ai_server_time_to_first_token_seconds',
    help: 'From the arrival of a request to the first piece of its answer',
    labelNames: LABELS,
    buckets: SECONDS,
    registers,
  });
  const perToken = new Histogram({
    name: 'gen_ai_server_time_per_output_token_seconds',
    help: 'Of each token behind the first',
    labelNames: LABELS,
    buckets: SECONDS,
    registers,
  });
  const usage = new Histogram({
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of a request, read (input) and written (output)',
    labelNames: [...LABELS, 'gen_ai_token_type'],
    buckets: TOKENS,
    registers,
  });
  const tokens = new Counter({
    name: 'preftune_tokens_total',
    help: 'Tokens read (input) and written (output)',
    labelNames: ['gen_ai_request_model', 'gen_ai_token_type'],
    registers,
  });
  registry.registerMetric(
    new Gauge({
      name: 'preftune_requests_running',
      help: 'Answers that the own engine draws now',
      registers: [],
      collect() {
        this.set(gauges().running);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'preftune_requests_waiting',
      help: 'Requests that wait for the own engine',
      registers: [],
      collect() {
        this.set(gauges().waiting);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory',
      registers: [],
      collect() {
        this.set(process.memoryUsage.rss());
      },
    }),
  );
  addUpstreams(registry, upstreams);
  addForward(registry, forward);
  return {
    contentType: registry.contentType,
    record: ({ operation, model = '', seconds, firstTokenSeconds, promptTokens, completionTokens, errorType }) => {
      const labels = { gen_ai_operation_name: operation, gen_ai_request_model: model };
      duration.observe({ ...labels, error_type: errorType ?? '' }, seconds);
      if (firstTokenSeconds !== undefined) {
        firstToken.observe(labels, firstTokenSeconds);
        if (completionTokens !== undefined && completionTokens > 1)
          perToken.observe(labels, (seconds - firstTokenSeconds) / (completionTokens - 1));
      }
      for (const [type, count] of [
        ['input', promptTokens],
        ['output', completionTokens],
      ] as const)
        if (count !== undefined) {
          usage.observe({ ...labels, gen_ai_token_type: type }, count);
          tokens.inc({ gen_ai_request_model: model, gen_ai_token_type: type }, count);
        }
    },
    text: () => registry.metrics(),
  };
}

/** Counters that upstreams keep themselves, read when they are asked for. */
function addUpstreams(registry: Registry, upstreams: () => readonly UpstreamFigures[]): void {
  const add = (name: string, help: string, read: (one: UpstreamFigures) => number): void =>
    registry.registerMetric(
      new Gauge({
        name: `preftune_upstream_${name}`,
        help,
        labelNames: ['upstream'],
        registers: [],
        collect() {
          for (const one of upstreams()) this.set({ upstream: one.name }, read(one));
        },
      }),
    );
  add('up', 'Whether the server is asked: 0 while it is left alone after failures', ({ breaker }) =>
    breaker === 'open' ? 0 : 1,
  );
  add('requests_running', 'Requests that the server answers now', ({ running }) => running);
  add('requests', 'Attempts at the server since the start', ({ requests }) => requests);
  add('failures', 'Attempts that failed or were cancelled', ({ failures }) => failures);
  add('retries', 'Attempts that followed on a failure', ({ retries }) => retries);
  add('fallbacks', 'Requests that another server answered in its place', ({ fallbacks }) => fallbacks);
  add('mends', 'Faults of its answers that were mended', ({ mends }) =>
    Object.values(mends).reduce((sum, count) => sum + count, 0),
  );
}

/** What became of records that go elsewhere; nothing where none do. */
function addForward(registry: Registry, forward: () => ForwardFigures | undefined): void {
  const add = (name: keyof ForwardFigures, help: string): void =>
    registry.registerMetric(
      new Gauge({
        name: `preftune_forward_records_${name}`,
        help,
        // A name in the labels keeps a figure that is not there from being told as 0.
        labelNames: ['to'],
        registers: [],
        collect() {
          const figures = forward();
          if (figures !== undefined) this.set({ to: 'home' }, figures[name]);
        },
      }),
    );
  add('waiting', 'Records that are on the disk and not yet taken');
  add('sent', 'Records that were taken, since the spool was made');
  add('refused', 'Records that will never be taken; they lie in refused.jsonl');
  add('dropped', 'Records that made room for newer ones');
  add('lost', 'Records that were given up since the start: the spool was full, or they were too long');
}
