/**
 * What the report runs in the browser: draws each chart with uPlot in the colours of the page, again when the width, the colour scheme or the medium changes.
 * With the arrow keys a focused chart goes from step to step, and says the values to a screen reader.
 */
export const REPORT_SCRIPT = `
(function () {
  'use strict';
  var charts = JSON.parse(document.getElementById('charts-data').textContent);
  var said = document.getElementById('said');
  var isPrinting = false;
  var plots = [];
  function color(name) { return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim(); }
  var LOOKS = {
    train: { color: 'train', width: 1.25, faint: true },
    chosen: { color: 'chosen', width: 1.25, faint: true },
    rejected: { color: 'rejected', width: 1.25, faint: true },
    heldout: { color: 'heldout', width: 2.25, points: true },
    'heldout-chosen': { color: 'chosen', width: 2.25, points: true },
    'heldout-rejected': { color: 'rejected', width: 2.25, points: true }
  };
  function show(value) {
        var size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
    return size >= 100 ? value.toFixed(size >= 1000 ? 0 : 1) : value.toFixed(size >= 10 ? 2 : 3);
  }
  function axisText(u, splits) {
    return splits.map(function (v) {
      var size = Math.abs(v);
      if (v !== 0 && (size < 1e-3 || size >= 1e5)) return v.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
      return String(Number(v.toPrecision(6)));
    });
  }
  // There is no half of a step.
  var STEPS = [];
  for (var power = 1; power <= 1e12; power *= 10) STEPS.push(power, 2 * power, 5 * power);
  // A logged evaluation is far from the next one: its line is drawn across the steps between.
  function series(curve, hasHeldOut) {
    var look = LOOKS[curve.role] || { color: curve.role, width: 1.75, points: curve.values.length <= 40 };
    // The held-out lines are what counts: the training lines of the same colour stand back where both are there.
    var stroke = color(look.color) + (look.faint && hasHeldOut ? '80' : '');
    return {
      label: curve.label, stroke: stroke, width: look.width, dash: curve.dash, spanGaps: true,
      points: { show: !!look.points || curve.values.length < 3, size: 5, fill: stroke, stroke: stroke },
      value: function (u, v) { return v === null ? '' : show(v); }
    };
  }
  function draw(place, chart) {
    var width = Math.floor(isPrinting ? 310 : place.clientWidth);
    var hasHeldOut = chart.curves.some(function (curve) { return curve.role.indexOf('heldout') === 0; });
    var axis = { stroke: color('quiet'), font: '12px system-ui, sans-serif', grid: { stroke: color('grid'), width: 1 }, ticks: { show: false } };
    var options = {
      width: width, height: isPrinting ? 170 : 220,
      scales: { x: { time: false }, y: chart.range ? { range: chart.range } : {} },
      axes: [
        Object.assign({}, axis, { gap: 6, size: 30, space: 64, values: axisText, grid: { show: false } }, chart.xLabel ? {} : { incrs: STEPS }),
        Object.assign({}, axis, { size: 58, gap: 8, space: 34, values: axisText })
      ],
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
      legend: { live: !isPrinting },
      series: [{ label: chart.xLabel || 'step', value: function (u, v) { return v === null ? '' : chart.xLabel ? show(v) : String(v); } }].concat(chart.curves.map(function (curve) { return series(curve, hasHeldOut); }))
    };
    place.textContent = '';
    var data = [chart.steps].concat(chart.curves.map(function (curve) { return curve.values; }));
    return new uPlot(options, data, place);
  }
  function drawAll() {
    plots.forEach(function (plot) { plot.destroy(); });
    plots = charts.map(function (chart, index) { return draw(document.getElementById('plot-' + index), chart); });
  }
  charts.forEach(function (chart, index) {
    document.getElementById('plot-' + index).addEventListener('keydown', function (event) {
      var plot = plots[index];
      var last = chart.steps.length - 1;
      var at = plot.cursor.idx === null || plot.cursor.idx === undefined ? -1 : plot.cursor.idx;
      var next = { ArrowLeft: Math.max(at - 1, 0), ArrowRight: Math.min(at + 1, last), Home: 0, End: last }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      plot.setCursor({ left: plot.valToPos(chart.steps[next], 'x'), top: 10 });
      said.textContent = chart.title + ', ' + (chart.xLabel || 'step') + ' ' + chart.steps[next] + ': ' + chart.curves
        .filter(function (curve) { return curve.values[next] !== null; })
        .map(function (curve) { return curve.label + ' ' + show(curve.values[next]); }).join(', ');
    });
  });
  function setPrinting(value) {
    if (isPrinting === value) return;
    isPrinting = value;
    // Paper is white, whatever the screen is: the canvases must be drawn in the light colours before the page is laid out for print.
    document.documentElement.toggleAttribute('data-print', value);
    drawAll();
  }
  window.addEventListener('beforeprint', function () { setPrinting(true); });
  window.addEventListener('afterprint', function () { setPrinting(false); });
  matchMedia('print').addEventListener('change', function (event) { setPrinting(event.matches); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  var drawnWidth = 0;
  function fit() {
    var width = document.documentElement.clientWidth;
    if (width !== drawnWidth && !isPrinting) { drawnWidth = width; drawAll(); }
  }
  window.addEventListener('resize', function () { requestAnimationFrame(fit); });
  if (charts.length > 0) { isPrinting = matchMedia('print').matches; if (isPrinting) drawAll(); else fit(); }
})();
`;
