import { readFileSync } from 'node:fs';

const IMAGE = {
  Dockerfile: 'how the image is built',
  'preftune-container': "the container's entry: finds the model, starts the server",
  '.dockerignore': 'what the build does not see',
} as const;

/** What can be written, and each file with what it is. */
export const DEPLOY_TARGETS = {
  docker: IMAGE,
  compose: {
    ...IMAGE,
    'compose.yaml': 'the server with its store, for docker compose',
    'nginx.conf': 'TLS in front of it',
  },
  systemd: {
    'preftune.service': 'the service, closed off',
    'serve.yaml': 'its settings',
    environment: 'its key',
    'nginx.conf': 'TLS in front of it',
  },
  hf: { ...IMAGE, 'hf.yaml': 'settings of preftune deploy hf' },
  azure: { ...IMAGE, 'azure.yaml': 'settings of preftune deploy azure' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

export type DeployTarget = keyof typeof DEPLOY_TARGETS;

export interface DeployFile {
  readonly name: string;
  readonly purpose: string;
  readonly text: string;
  /** As chmod has it. */
  readonly mode: number;
}

/**
 * The files with which preftune is deployed to a target, for one version of it.
 *
 * @example
 * ```ts run
 * import { deployFiles } from 'preftune/deploy';
 *
 * const files = deployFiles('docker', '1.2.3');
 * console.log(files.map(({ name }) => name).join(' ')); // Dockerfile preftune-container .dockerignore
 * console.log(files[0].text.includes('preftune@1.2.3')); // true
 * ```
 */
export function deployFiles(target: DeployTarget, version: string): DeployFile[] {
  return Object.entries(DEPLOY_TARGETS[target]).map(([name, purpose]) => {
    // npm leaves files out whose name begins with a dot and means something to it.
    const url = new URL(`../../assets/deploy/${name.replace(/^\./, '')}`, import.meta.url);
    return {
      name,
      purpose,
      text: readFileSync(url, 'utf8').replaceAll('PREFTUNE_VERSION', version),
      mode: name === 'preftune-container' ? 0o755 : name === 'environment' ? 0o600 : 0o644,
    };
  });
}
