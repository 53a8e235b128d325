/** A realistic report for the tests: a LoRA DPO run of 250 steps, with hostile texts among its samples. */
import { createRandom } from '../../core/index.ts';
import type { MetricRecord } from '../../store/index.ts';
import type { ReportInput } from '../report.ts';

export const HOSTILE = `</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2"> & 'quotes' <!-- `;

export function exampleMetrics(steps = 250): MetricRecord[] {
  const random = createRandom(11, 'report');
  const noise = (size: number): number => size * random.nextNormal();
  const records: MetricRecord[] = [];
  for (let step = 0; step <= steps; step++) {
    const margin = 1.1 * (1 - Math.exp((-3 * step) / steps));
    const drift = (0.6 * step) / steps;
    const values = (spread: number) => ({
      loss: Math.log1p(Math.exp(-(margin + noise(spread)))),
      'rewards/accuracies': Math.min(Math.max(0.5 + 0.2 * margin + noise(spread / 3), 0), 1),
      'rewards/margins': margin + noise(spread),
      'rewards/chosen': margin / 2 - drift + noise(spread),
      'rewards/rejected': -margin / 2 - drift + noise(spread),
      'logps/chosen': -182 - 6 * drift + noise(spread * 40),
      'logps/rejected': -171 - 17 * drift + noise(spread * 40),
    });
    if (step > 0) {
      const warmup = Math.min(step / 25, 1);
      const rates = {
        learning_rate: 5e-5 * warmup * (1 - Math.max(step - 25, 0) / (steps - 24)),
        grad_norm: 2.1 - margin + Math.abs(noise(0.3)),
        tokens_per_second: 1240 + noise(60),
      };
      records.push({ step, epoch: (step * 8) / 2000, ...values(0.18), ...rates });
    }
    if (step % 50 !== 0) continue;
    const heldOut = Object.entries(values(0.02)).map(([name, value]) => [`eval_${name}`, value] as const);
    records.push({ step, epoch: (step * 8) / 2000, ...Object.fromEntries(heldOut) });
  }
  return records;
}

export const EXAMPLE: ReportInput = {
  title: 'smollm2-helpful',
  subtitle: 'DPO with LoRA rank 16 on SmolLM2-135M-Instruct, 2,000 pairs of helpful-base',
  verdict: {
    tone: 'good',
    text: 'The model prefers the better answer more often than before: 71.4% of held-out pairs instead of 50.2%.',
    detail: '500 held-out pairs; the difference is larger than chance explains (95% interval 16.9 to 25.5 points).',
  },
  metrics: exampleMetrics(),
  configuration: {
    model: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    data: ['pairs/train.jsonl', 'pairs/more.jsonl'],
    objective: { name: 'sigmoid', beta: 0.1, labelSmoothing: 0 },
    lora: {
      rank: 16,
      alpha: 32,
      dropout: 0,
      targets: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
    },
    optimizer: { name: 'adamw', learningRate: 5e-5, betas: [0.9, 0.999], weightDecay: 0 },
    schedule: { name: 'linear', warmupSteps: 25 },
    batch: { size: 8, microbatchTokens: 4096 },
    maxLength: 512,
    epochs: 1,
    seed: 42,
    device: 'cpu',
  },
  data: [
    {
      title: 'Training pairs',
      rows: [
        ['read', 2000],
        ['kept', 1987],
        ['dropped: both answers the same', 9],
        ['dropped: prompt leaves no room', 4],
        ['answers cut at the end, chosen', 31],
        ['answers cut at the end, rejected', 26],
        ['tokens a pair, median', 318],
      ],
      notes: ['12 rows have prompts that differ between the sides; they stand in two sequences.'],
    },
    {
      title: 'How a row becomes tokens',
      rows: [
        ['template', 'chatml, from tokenizer_config.json'],
        ['ends with', '<|im_end|>'],
      ],
      examples: [
        '<|im_start|>user\nHow do I boil an egg?<|im_end|>\n<|im_start|>assistant\n[Put it in cold water, ...<|im_end|>]',
      ],
    },
  ],
  samples: [
    {
      prompt: 'How do I keep basil fresh for longer?',
      before: 'Basil.',
      after:
        'Trim the stems and stand the bunch in a glass of water, like flowers, at room temperature.\n\nCover the leaves loosely with a bag and change the water every two days; it keeps for about a week.',
    },
    { prompt: `Fix this HTML: ${HOSTILE}`, before: HOSTILE, after: 'The image tag needs an alt text.' },
    { prompt: 'Say nothing.', earlier: ['Be quiet.', HOSTILE], before: '', after: 'Alright.' },
  ],
  footer: 'Written by preftune 0.1.0 on 23 November 2026; 250 steps in 41 min on 2 cores.',
};
