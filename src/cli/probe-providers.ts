import { execFile } from 'node:child_process';
import { messageOf } from '../core/index.ts';
import { openDevice, type DeviceName } from '../runtime/index.ts';
import type { ProviderReport } from './doctor.ts';

const DEVICES: readonly DeviceName[] = ['cpu', 'webgpu', 'cuda'];

/** Long enough for a driver that compiles its first program, short enough for one that hangs. */
const TIMEOUT_MS = 60_000;

/** What the runtime says before it says what is wrong. */
const PREAMBLE =
  /^device "\w+": must be usable on this machine, it is not: (?:program "probe": ONNX Runtime failed: )?/;

/** Opens every device of the runtime once, which proves it with a small product, and says what came of it. */
export async function probeHere(): Promise<ProviderReport[]> {
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

/**
 * The reports of `probeHere` from a process of its own: drivers write to its stderr whatever they like, and a driver that takes the process down takes
 * that one. Rejects where it gives none.
 */
export function probeProviders(): Promise<ProviderReport[]> {
  const script = `import(${JSON.stringify(import.meta.url)}).then(async ({ probeHere }) => { process.stdout.write(JSON.stringify(await probeHere())); process.exit(0); })`;
  const words = [...process.execArgv, '--input-type=module', '-e', script];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, words, { timeout: TIMEOUT_MS, encoding: 'utf8' }, (error, out, err) => {
      try {
        resolve(readReports(out, err));
      } catch {
        reject(new Error(firstLine(err) ?? error?.message ?? 'it ended without a word'));
      }
    });
  });
}

/** What a probe printed, in our words; `err` is what the drivers said. */
export function readReports(out: string, err: string): ProviderReport[] {
  const lacksVulkan = /Couldn't load Vulkan|libvulkan/.test(err);
  return (JSON.parse(out) as ProviderReport[]).map(({ detail, ...report }) => {
    if (detail === undefined) return report;
    const reason = detail.replace(PREAMBLE, 'not on this machine: ');
    const more = report.name === 'webgpu' && lacksVulkan ? '; the Vulkan loader (libvulkan.so.1) is not installed' : '';
    return { ...report, detail: `${reason}${more}` };
  });
}

/** The line that says what went wrong: that of an error, where there is one. */
function firstLine(text: string): string | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.find((line) => /error/i.test(line)) ?? lines[0];
}
