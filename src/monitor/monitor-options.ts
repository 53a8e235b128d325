import { z } from 'zod';
import { DETECTORS } from './detectors.ts';
import { DETECTOR_NAMES, type DetectorName } from './finding.ts';
import type { Thresholds } from './monitor.ts';

/** Names of detectors, or `all`. */
export const DETECTOR_LIST = z.array(z.enum([...DETECTOR_NAMES, 'all'])).min(1);

/** Thresholds of detectors by name: `{"gradient-spikes": {"ratio": 20}}`. */
export const THRESHOLDS: z.ZodType<Thresholds> = z.strictObject(
  Object.fromEntries(
    DETECTOR_NAMES.map((name) => {
      const own = Object.entries(DETECTORS[name].thresholds);
      const limits = own.map(([threshold, usual]) => [threshold, z.number().optional().meta({ default: usual })]);
      return [name, z.strictObject(Object.fromEntries(limits)).optional()];
    }),
  ),
) as unknown as z.ZodType<Thresholds>;

/** The detectors of a list, `all` standing for every one, in their own order. */
export function detectorsOf(names: readonly (DetectorName | 'all')[]): DetectorName[] {
  return names.includes('all') ? [...DETECTOR_NAMES] : DETECTOR_NAMES.filter((name) => names.includes(name));
}
