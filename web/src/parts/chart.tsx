import { useEffect, useRef, type ReactNode } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Curve {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** A variable of the style sheet: `--c-accent`. */
  readonly colour: string;
  readonly isDashed?: boolean;
}

/** Curves over one axis. Redrawn where the room or the colours change; the last values stand beside it as text, for who does not see them. */
export function Chart({
  title,
  x,
  xName,
  curves,
  band,
  height = 220,
  isTime = false,
}: {
  readonly title: string;
  readonly x: readonly number[];
  readonly xName: string;
  readonly curves: readonly Curve[];
  /** Places of two curves with the room between them filled: lower, upper. */
  readonly band?: readonly [number, number];
  readonly height?: number;
  readonly isTime?: boolean;
}): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current!;
    let plot: UPlot | undefined;
    const draw = (): void => {
      plot?.destroy();
      const style = getComputedStyle(document.documentElement);
      const colour = (name: string): string => style.getPropertyValue(name).trim();
      const axis = {
        stroke: colour('--c-quiet'),
        grid: { stroke: colour('--c-line'), width: 1 },
        ticks: { stroke: colour('--c-line'), width: 1 },
      };
      plot = new UPlot(
        {
          width: element.clientWidth,
          height,
          scales: { x: { time: isTime } },
          legend: { show: false },
          cursor: { drag: { x: false, y: false } },
          axes: [
            { ...axis, label: xName, labelSize: 22 },
            { ...axis, size: 58 },
          ],
          series: [
            {},
            ...curves.map((curve) => ({
              label: curve.name,
              stroke: colour(curve.colour),
              width: 2,
              spanGaps: true,
              points: { show: x.length < 3 },
              ...(curve.isDashed === true && { dash: [5, 4] }),
            })),
          ],
          ...(band !== undefined && {
            bands: [
              {
                series: [band[1] + 1, band[0] + 1] as [number, number],
                fill: `color-mix(in srgb, ${colour(curves[band[0]]!.colour)} 18%, transparent)`,
              },
            ],
          }),
        },
        [[...x], ...curves.map(({ values }) => [...values])] as UPlot.AlignedData,
        element,
      );
    };
    draw();
    const resized = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      resized.disconnect();
      theme.disconnect();
      scheme.removeEventListener('change', draw);
      plot?.destroy();
    };
  }, [x, curves, band, height, isTime, xName]);
  return (
    <figure className="card">
      <figcaption className="mb-2 flex flex-wrap items-baseline justify-between gap-x-4">
        <span className="font-medium">{title}</span>
        <span className="flex flex-wrap gap-x-4 text-sm">
          {curves.map(({ name, values, colour, isDashed }) => {
            const last = values.findLast((value) => value !== null);
            return (
              <span key={name} className="quiet inline-flex items-center gap-1.5">
                <svg width="16" height="8" aria-hidden="true">
                  <line
                    x1="0"
                    y1="4"
                    x2="16"
                    y2="4"
                    stroke={`var(${colour})`}
                    strokeWidth="2.5"
                    strokeDasharray={isDashed === true ? '4 3' : undefined}
                  />
                </svg>
                {name}{' '}
                <span className="text-ink">
                  {last === undefined || last === null ? '–' : Number(last.toPrecision(4))}
                </span>
              </span>
            );
          })}
        </span>
      </figcaption>
      <div ref={place} aria-hidden="true" style={{ minHeight: height }} />
    </figure>
  );
}
