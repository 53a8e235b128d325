/** The oldest Node that is supported, as in package.json's engines. */
const OLDEST = [20, 19] as const;

/** Undefined where this version of Node will do, else what is needed. Plain enough for a Node that is much older. */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  return isEnough ? undefined : `must be at least ${OLDEST.join('.')}, got ${version}; install a newer Node`;
}
