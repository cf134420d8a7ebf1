import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './pinned-node.mjs';

// npm leaves an optional package that its registry doesn't have (a platform that a mirror lacks, say) out of
// the lockfile, and `npm ci` then refuses the whole lockfile: "Missing: … from lock file". This names those
// packages in it, for the platform that their names say, so that only that platform ever asks for them.
// To be run after every change of the lockfile.

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64'];

/** What a lockfile says of an optional package for one platform. */
function platformEntry(name, version, dev) {
  const words = name.split(/[/-]/);
  const os = words.filter((word) => systems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  if (os.length !== 1 || cpu.length !== 1) {
    throw new Error(`${name} is missing from package-lock.json, and its name tells no platform.`);
  }
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : ['glibc'];
  return {
    version,
    cpu,
    ...(dev && { dev }),
    ...(os[0] === 'linux' && { libc }),
    optional: true,
    os,
  };
}

/** Where Node would find `name` from `location`, if the lockfile has it. */
function resolved(packages, location, name) {
  for (let folder = location; ; folder = folder.slice(0, folder.lastIndexOf('node_modules/'))) {
    const candidate = path.posix.join(folder, 'node_modules', name);
    if (candidate in packages) return candidate;
    if (folder === '') return undefined;
  }
}

const file = path.join(root, 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const missing = {};
for (const [location, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (resolved(lock.packages, location, name) !== undefined) continue;
    missing[`node_modules/${name}`] = platformEntry(name, version, dev);
  }
}
const [own, ...others] = Object.entries({ ...lock.packages, ...missing });
lock.packages = Object.fromEntries([own, ...others.sort(([a], [b]) => a.localeCompare(b, 'en'))]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(
  `▸ ${Object.keys(missing).length} packages of other platforms named in package-lock.json`,
);
