// Makes node_modules what package-lock.json says, and does nothing where it is that already. Runs before everything
// else (`npm start`, `npm test`, …), so it has no dependencies and speaks a JavaScript that any Node >= 20 reads (and
// that older ones parse, to be told that they are too old).
//
// Exit code 0: node_modules/.bin/node is there and is the runtime that the lockfile names. 1: it could not be made so;
// what to do stands on stderr. No install script is needed or run, so npm 10, 11 and 12 behave alike.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.tollgate-installed');
/** npm writes this file last: without it an installation was broken off, and what is there cannot be believed. */
const npmsOwnLock = join(modules, '.package-lock.json');
const lockFile = join(root, '.install.lock');
const runtime = join(modules, '.bin', 'node');
const oldestNode = 20;
const oldestNpm = 9;
const lockPollMs = 200;

class Refusal extends Error {}

function readOrNull(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

// ── what is wanted ──

function readLock() {
  const text = readOrNull(join(root, 'package-lock.json'));
  if (text === null) throw new Refusal('package-lock.json is missing. Restore it: git checkout package-lock.json');
  const packages = JSON.parse(text).packages ?? {};
  const installed = Object.entries(packages)
    .filter(([path, entry]) => path.includes('node_modules/') && entry.link !== true)
    .map(([path, entry]) => ({
      path,
      name: entry.name ?? null,
      version: entry.version,
      mayBeAbsent: entry.optional === true || entry.devOptional === true,
      os: [entry.os ?? []].flat(),
      cpu: [entry.cpu ?? []].flat(),
    }));
  return {
    digest: createHash('sha256').update(text).digest('hex'),
    installed,
    lacksOptional: lacksOptional(packages),
  };
}

/**
 * A lockfile that was written where the registry does not show the packages of other platforms lacks them, and `npm ci`
 * refuses it for that; `npm install --no-save` takes it, adds nothing to it, and keeps to its versions.
 */
function lacksOptional(packages) {
  const known = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)));
  return Object.values(packages).some((entry) =>
    Object.keys(entry.optionalDependencies ?? {}).some((name) => !known.has(name)),
  );
}

/** The packages that carry Node itself, one a platform. */
function runtimesIn(lock) {
  return lock.installed.filter((one) => /^node_modules\/node-(bin-)?(linux|darwin|win32)-[a-z0-9]+$/.test(one.path));
}

function runtimeForThisMachine(lock) {
  return runtimesIn(lock).find((one) => one.os.includes(process.platform) && one.cpu.includes(process.arch));
}

const majorOf = (version) => Number(/^v?(\d+)/.exec(version)?.[1] ?? 0);

function wantedMajor(lock) {
  return Math.max(22, ...runtimesIn(lock).map((one) => majorOf(one.version)));
}

// ── what is there ──

function stampFor(lock) {
  return `${JSON.stringify({ lock: lock.digest, platform: `${process.platform}-${process.arch}` })}\n`;
}

/** Cheap: the stamp was written after everything had been checked, so only its being out of date is looked for. */
function isStamped(lock) {
  if (readOrNull(stampFile) !== stampFor(lock) || !existsSync(runtime)) return false;
  return lock.installed.every((one) => one.mayBeAbsent || existsSync(join(root, one.path, 'package.json')));
}

/** For a node_modules that somebody made with npm itself: is every package there, in the version of the lockfile? */
function matches(lock) {
  if (!existsSync(npmsOwnLock)) return false;
  return lock.installed.every((one) => {
    const text = readOrNull(join(root, one.path, 'package.json'));
    if (text === null) return one.mayBeAbsent;
    try {
      return JSON.parse(text).version === one.version;
    } catch {
      return false;
    }
  });
}

function versionOfRuntime() {
  const asked = spawnSync(runtime, ['--version'], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim().replace(/^v/, '') : null;
}

// ── the runtime ──

function linkRuntime(target) {
  mkdirSync(dirname(runtime), { recursive: true });
  const beside = `${runtime}.${process.pid}`;
  symlinkSync(target, beside);
  renameSync(beside, runtime);
}

/** npm up to 10 installs the package but makes no link to its `node`. */
function linkPackagedRuntime(packaged) {
  const binary = join(root, packaged.path, 'bin', 'node');
  if (!existsSync(binary)) return;
  chmodSync(binary, 0o755);
  linkRuntime(relative(dirname(runtime), binary));
}

/** Where npm has no Node for this machine, the one that runs this will do, if it is young enough. */
function linkOwnRuntime(lock) {
  const wanted = wantedMajor(lock);
  if (majorOf(process.versions.node) < wanted) {
    throw new Refusal(
      `There is no packaged Node ${wanted} for ${process.platform}-${process.arch}, and Node ${process.versions.node}, ` +
        `which runs this, is too old. Install Node ${wanted} or newer from https://nodejs.org and run it again` +
        `${process.platform === 'win32' ? ' (on Windows: inside WSL)' : ''}.`,
    );
  }
  linkRuntime(process.execPath);
}

function proveRuntime(lock) {
  const packaged = runtimeForThisMachine(lock);
  if (packaged !== undefined && !existsSync(runtime)) linkPackagedRuntime(packaged);
  const version = existsSync(runtime) ? versionOfRuntime() : null;
  if (version !== null && version === packaged?.version) return;
  if (packaged !== undefined && majorOf(process.versions.node) < wantedMajor(lock)) {
    throw new Refusal(existsSync(runtime) ? foreignRuntime(packaged, version) : leftOut(packaged));
  }
  linkOwnRuntime(lock);
}

/** npm passes over an optional package that it could not fetch without a word. */
function leftOut(packaged) {
  return (
    `npm left out ${packaged.path.slice('node_modules/'.length)}, which holds Node ${packaged.version}. ` +
    'Most often the download failed: run it again. If it stays so, look for `omit=optional` in `npm config list`.'
  );
}

function foreignRuntime(packaged, version) {
  const what = version === null ? 'does not run on this machine (a Linux without glibc?)' : `is Node ${version}`;
  return (
    `node_modules/.bin/node should be Node ${packaged.version}, but ${what}. Remove node_modules and run it again; ` +
    `if it stays so, install Node ${majorOf(packaged.version)} or newer from https://nodejs.org.`
  );
}

// ── one at a time ──

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function tryLock() {
  try {
    const file = openSync(lockFile, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new Refusal(`${root} cannot be written to (${error.code}).`);
  }
}

/** Takes a lock away whose owner is gone. Renaming is atomic: of two that try, one gets the file. */
function breakDeadLock() {
  const owner = Number(readOrNull(lockFile) ?? Number.NaN);
  const abandoned = Number.isInteger(owner) && owner > 0 ? !isAlive(owner) : ageOfLockMs() > 10_000;
  if (!abandoned) return { owner, broken: false };
  const grave = `${lockFile}.${process.pid}`;
  try {
    renameSync(lockFile, grave);
    unlinkSync(grave);
  } catch {
    // somebody else was faster
  }
  return { owner, broken: true };
}

/** A lock without a number in it is just being written, or its writer died in between. */
function ageOfLockMs() {
  try {
    return Date.now() - statSync(lockFile).mtimeMs;
  } catch {
    return 0;
  }
}

/** Returns whether somebody died while installing: what is there then cannot be believed. */
async function takeLock() {
  let abandoned = false;
  let said = false;
  while (!tryLock()) {
    const { owner, broken } = breakDeadLock();
    abandoned ||= broken;
    if (broken) continue;
    if (!said) {
      said = true;
      say(`Waiting for another installation here (process ${owner}) …`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, lockPollMs);
    });
  }
  return abandoned;
}

function releaseLock() {
  if (readOrNull(lockFile) === String(process.pid)) unlinkSync(lockFile);
}

// ── npm ──

function say(line) {
  process.stderr.write(`${line}\n`);
}

/** The npm that runs this script, or the one on PATH. */
function npmCommand() {
  const own = process.env['npm_execpath'];
  return own !== undefined && /npm-cli\.c?js$/.test(own) && existsSync(own)
    ? { file: process.execPath, before: [own] }
    : { file: 'npm', before: [] };
}

function checkNpm(npm) {
  const asked = spawnSync(npm.file, [...npm.before, '--version'], { encoding: 'utf8', cwd: root });
  if (asked.error !== undefined) throw new Refusal('npm is not on PATH. It comes with Node: https://nodejs.org');
  const version = asked.stdout.trim();
  if (majorOf(version) < oldestNpm) {
    throw new Refusal(`npm ${version || '(unknown)'} is too old. Upgrade it: npm install --global npm@11`);
  }
}

const networkErrors =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/;

function explain(output) {
  const code = networkErrors.exec(output)?.[1];
  if (code !== undefined) {
    return (
      `The packages could not be fetched (${code}): the registry cannot be reached. Connect to a network, or set npm's ` +
      '`registry` or `proxy`, and run it again. Once installed, no network is needed.'
    );
  }
  if (/\bENOSPC\b/.test(output)) return 'The disk is full. Make room (about 1 GB) and run it again.';
  if (/\b(EACCES|EPERM)\b/.test(output)) return `npm may not write. Look who owns ${modules}.`;
  return 'npm failed; its words stand above.';
}

/** Runs npm; its words are shown only where it fails. A signal stops it before it stops us. */
function runNpm(npm, lock) {
  const verb = lock.lacksOptional ? ['install', '--no-save'] : ['ci'];
  const whole = ['--include=dev', '--include=optional', '--ignore-scripts', '--no-engine-strict', '--prefer-offline'];
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  // npm's own waits between tries add up to minutes where there is no network at all; `install` asks for one missing
  // package after the other, so that they add up the more.
  const brisk = lock.lacksOptional
    ? ['--fetch-retries=1', '--fetch-retry-mintimeout=300', '--fetch-retry-maxtimeout=300']
    : ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=4000'];
  const args = [...npm.before, ...verb, ...whole, ...brisk, ...quiet];
  return new Promise((resolve, reject) => {
    let child;
    let stoppedBy = null;
    const stop = (signal) => {
      stoppedBy = signal;
      child?.kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
    child = spawn(npm.file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, stop);
      if (stoppedBy !== null) {
        releaseLock();
        process.exit(128 + constants.signals[stoppedBy]);
      }
      if (code === 0) return resolve();
      if (output.trim() !== '') say(output.trim());
      return reject(new Refusal(explain(output)));
    });
  });
}

// ── the whole ──

/** Removes what cannot be believed, but not the Node that runs this: it has to start npm. */
function clearModules() {
  if (!existsSync(modules)) return;
  const own = realpathSync(process.execPath);
  for (const name of readdirSync(modules)) {
    const path = join(modules, name);
    if (!own.startsWith(`${realpathOrItself(path)}/`)) rmSync(path, { recursive: true, force: true });
  }
}

/** A workspace's link may lead nowhere. */
function realpathOrItself(path) {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

async function install(lock) {
  const npm = npmCommand();
  checkNpm(npm);
  const started = Date.now();
  process.stderr.write('Installing what is missing (once; half a minute, longer on a slow line) … ');
  try {
    await runNpm(npm, lock);
    proveRuntime(lock);
  } catch (error) {
    process.stderr.write('failed.\n');
    throw error;
  }
  process.stderr.write(`done in ${Math.round((Date.now() - started) / 1000)} s.\n`);
}

async function ensure() {
  if (majorOf(process.versions.node) < oldestNode) {
    throw new Refusal(
      `Node ${process.versions.node} is too old: ${oldestNode} or newer is needed (https://nodejs.org).`,
    );
  }
  const lock = readLock();
  if (isStamped(lock)) return;
  if (runtimeForThisMachine(lock) === undefined && majorOf(process.versions.node) < wantedMajor(lock)) {
    linkOwnRuntime(lock); // says that this platform needs a Node of its own, before anything is fetched for nothing
  }
  const abandoned = await takeLock();
  try {
    if (isStamped(lock) && !abandoned) return;
    if (abandoned || !existsSync(npmsOwnLock)) clearModules();
    if (!matches(lock) || !runtimeWorks(lock)) await install(lock);
    writeFileSync(stampFile, stampFor(lock));
  } finally {
    releaseLock();
  }
}

function runtimeWorks(lock) {
  try {
    proveRuntime(lock);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

try {
  await ensure();
} catch (error) {
  say(error instanceof Refusal ? error.message : `Installing failed: ${error?.stack ?? error}`);
  process.exitCode = 1;
}
