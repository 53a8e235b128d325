import { messageOf } from '../core/index.ts';
import { openDevice, type DeviceName } from '../runtime/index.ts';
import type { ProviderReport } from './doctor.ts';

const DEVICES: readonly DeviceName[] = ['cpu', 'webgpu', 'cuda'];

/** Opens every device of the runtime once, which proves it with a small product, and says what came of it. */
export async function probeProviders(): Promise<ProviderReport[]> {
  const reports: ProviderReport[] = [];
  for (const name of DEVICES) {
    try {
      const device = await openDevice({ device: name, logLevel: 'fatal' });
      await device.dispose();
      reports.push({ name, isAvailable: true });
    } catch (error) {
      reports.push({ name, isAvailable: false, detail: messageOf(error) });
    }
  }
  return reports;
}
