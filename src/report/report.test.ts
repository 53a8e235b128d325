import { expect, test } from 'vitest';
import { renderPage, section } from './page.ts';
import { chartsOf, keyFiguresOf, MAX_CHART_STEPS } from './report-curves.ts';
import { escapeHtml, scriptJson, showNumber, showShare } from './report-html.ts';
import { renderReport } from './report.ts';
import { EXAMPLE, HOSTILE } from './testing/report-example.ts';

test('text becomes harmless HTML, and JSON that cannot leave its script', () => {
  expect(escapeHtml(`<a b="c" d='e'>&`)).toBe('&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;');
  expect(scriptJson({ a: '</script><!--\u2028\u2029' })).toBe('{"a":"\\u003c/script>\\u003c!--\\u2028\\u2029"}');
  expect(JSON.parse(scriptJson(HOSTILE))).toBe(HOSTILE);
});

test('numbers for people', () => {
  expect([0, 0.5, 0.00005, -1.2345, 12.345, 123.45, 1234.5, 5e9].map(showNumber)).toEqual([
    '0.000',
    '0.500',
    '5.00e-5',
    '-1.235',
    '12.35',
    '123.5',
    '1,235',
    '5.00e+9',
  ]);
  expect(showShare(0.7142)).toBe('71.4%');
});

test('charts join training and held-out records of a step, and leave gaps where there is no number', () => {
  const charts = chartsOf([
    { step: 0, eval_loss: 0.7 },
    { step: 1, loss: 0.6, grad_norm: 2, 'rewards/margins': null },
    { step: 2, loss: 0.5 },
    { step: 2, eval_loss: 0.4 },
  ]);
  expect(charts).toEqual([
    {
      title: 'Loss',
      note: 'lower is better',
      steps: [0, 1, 2],
      curves: [
        { label: 'training', role: 'train', values: [null, 0.6, 0.5] },
        { label: 'held out', role: 'heldout', values: [0.7, null, 0.4] },
      ],
    },
    {
      title: 'Gradient norm',
      note: 'before clipping',
      steps: [1],
      curves: [{ label: 'norm', role: 'train', values: [2] }],
    },
  ]);
});

test('long runs are averaged, and say so', () => {
  const [chart] = chartsOf(
    Array.from({ length: 3 * MAX_CHART_STEPS - 1 }, (_, index) => ({ step: index + 1, loss: index + 1 })),
  );
  expect(chart!.note).toBe('lower is better; each point is the mean of 3 logged steps');
  expect(chart!.steps).toHaveLength(MAX_CHART_STEPS);
  expect(chart!.steps.slice(0, 2)).toEqual([3, 6]);
  // Means of 1, 2, 3 and of 4, 5, 6; the last group has two steps.
  expect(chart!.curves[0]!.values.slice(0, 2)).toEqual([2, 5]);
  expect(chart!.curves[0]!.values.at(-1)).toBe(3 * MAX_CHART_STEPS - 1.5);
});

test('key figures are of the held-out pairs where there are any', () => {
  const metrics = [
    { step: 0, 'eval_rewards/accuracies': 0.5, eval_loss: 0.65 },
    { step: 5, loss: 0.1, 'rewards/accuracies': 1 },
    { step: 9, 'eval_rewards/accuracies': 0.75, eval_loss: 0.8 },
  ];
  expect(keyFiguresOf(metrics)).toEqual([
    { label: 'Held-out accuracy', start: 0.5, end: 0.75, unit: 'share', change: 'better' },
    { label: 'Held-out loss', start: 0.65, end: 0.8, unit: 'number', change: 'worse' },
  ]);
  expect(keyFiguresOf([{ step: 1, loss: 0.5 }])).toEqual([
    { label: 'Training loss', start: 0.5, end: 0.5, unit: 'number', change: 'same' },
  ]);
});

test('the page names nothing outside itself and lets only its own scripts run', () => {
  const page = renderReport(EXAMPLE);
  expect(page).toMatch(
    /content="default-src 'none'; style-src 'sha256-[\w+/=]{44}'; script-src 'sha256-[\w+/=]{44}' 'sha256-[\w+/=]{44}'; base-uri 'none'; form-action 'none'"/,
  );
  expect(page.match(/<script/g)).toHaveLength(3);
  expect(page.match(/<\/script>/g)).toHaveLength(3);
  expect(page.match(/<img/g)).toBeNull();
  expect(page.match(/ (?:src|href)="(?!#)/g)).toBeNull();
  expect(page).toContain(`<p>${escapeHtml(HOSTILE)}</p>`);
  expect(page).toContain('<summary>2 earlier turns</summary><div><p><span class="role">User</span> Be quiet.</p>');
  expect(page).toContain(`<span class="role">Assistant</span> ${escapeHtml(HOSTILE.trim())}</p>`);
});

test('key figures and tables carry the numbers as text', () => {
  const page = renderReport({
    title: 'a <b>',
    metrics: [
      { step: 0, 'eval_rewards/accuracies': 0.5 },
      { step: 4, 'eval_rewards/accuracies': 0.625 },
    ],
    configuration: { lora: { targets: ['q_proj', 'k_proj'] }, note: '<i>' },
    data: [{ title: 'Pairs', rows: [['kept', 12345]], notes: ['<u>'], examples: ['<pre>'] }],
  });
  expect(page).toContain('<title>a &lt;b&gt;</title>');
  expect(page).toContain(
    '<p class="label">Held-out accuracy</p><p class="value">62.5%</p><p class="from">from 50.0%, <span class="better">up 12.5 points, better</span></p>',
  );
  expect(page).toContain('<tr><th scope="row">4</th><td>0.625</td></tr>');
  expect(page).toContain(
    'aria-label="Accuracy by step: held out from 0.500 to 0.625. Arrow keys go from step to step."',
  );
  expect(page).toContain('<tr><th scope="row">lora.targets</th><td>q_proj, k_proj</td></tr>');
  expect(page).toContain('<tr><th scope="row">note</th><td>&lt;i&gt;</td></tr>');
  expect(page).toContain('<td class="value">12,345</td>');
  expect(page).toContain('<li>&lt;u&gt;</li>');
  expect(page).toContain('<pre>&lt;pre&gt;</pre>');
});

test('a run without metrics and samples has only what there is', () => {
  const page = renderReport({ title: 'empty', metrics: [], configuration: {} });
  expect(page.match(/<section/g)).toBeNull();
  expect(page).toContain("script-src 'none'");
  expect(page.match(/<script|\.uplot \*|id="said"/g)).toBeNull();
});

test('one shell: sections that are there are named in the navigation, and the head says what came of it', () => {
  const page = renderPage({
    title: 'a',
    verdict: { tone: 'bad', text: '<b>', detail: 'few rows' },
    main: 'findings',
    style: 'p { top: 0 }',
    sections: [section('one', 'One', '<p>1</p>', 'grid'), section('two', 'Two', '')],
  });
  expect(page.match(/<body>[\s\S]*<\/body>/)?.[0]).toBe(`<body>
<a class="skip" href="#main">Skip to the findings</a>
<header class="wrap">
<h1>a</h1>

<div class="verdict bad"><p class="text">&lt;b&gt;</p><p class="detail">few rows</p></div>
</header>
<nav aria-label="Sections"><div class="wrap"><ul>
<li><a href="#one">One</a></li>
</ul></div></nav>
<main class="wrap" id="main">
<section id="one" aria-labelledby="one-title">
<h2 id="one-title">One</h2>
<div class="grid">
<p>1</p>
</div>
</section>
</main>
<footer class="wrap">Written by preftune.</footer>
</body>`);
  expect(page).toContain('p { top: 0 }</style>');
});
