const { readFileSync } = require('node:fs');

/** The most memory that this process had, and the time of the processor that it took. */
exports.usage = () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  let peakKb = maxRSS;
  try {
    // On Linux maxRSS counts what the parent had when it forked, if that was more.
    peakKb = Number(readFileSync('/proc/self/status', 'latin1').match(/VmHWM:\s*(\d+)/)?.[1]);
  } catch {}
  return { peakMb: peakKb / 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 };
};
