'use strict';

const {BaseDriver, JWProxy} = require('appium/driver');

/**
 * An Appium driver for the simulated phone. Appium keeps the session and checks the capabilities;
 * every other command goes on to the server whose address is in `appium:simulatorUrl`.
 */
class TapgraphSimDriver extends BaseDriver {
  constructor(...args) {
    super(...args);
    this.desiredCapConstraints = {simulatorUrl: {presence: true, isString: true}};
    this.simulator = null;
  }

  proxyActive() {
    return this.simulator !== null;
  }

  canProxy() {
    return true;
  }

  async createSession(...args) {
    const [sessionId, capabilities] = await super.createSession(...args);
    const url = new URL(capabilities.simulatorUrl);
    const simulator = new JWProxy({
      scheme: url.protocol.replace(':', ''),
      server: url.hostname,
      port: Number(url.port),
      base: url.pathname.replace(/\/+$/, ''),
      reqBasePath: this.basePath,
      log: this.log,
    });
    const downstream = await simulator.command('/session', 'POST', {
      capabilities: {
        alwaysMatch: {platformName: 'Android', 'appium:newCommandTimeout': 0},
        firstMatch: [{}],
      },
    });
    this.proxyReqRes = simulator.proxyReqRes.bind(simulator);
    this.simulator = simulator;
    const {'appium:udid': udid, 'tapgraph:simulated': simulated} = downstream.capabilities;
    return [sessionId, {...capabilities, udid, 'tapgraph:simulated': simulated}];
  }

  async deleteSession(...args) {
    const simulator = this.simulator;
    this.simulator = null;
    try {
      await simulator?.command('', 'DELETE');
    } catch (error) {
      this.log.info(`The simulated phone had already ended its session: ${error.message}`);
    } finally {
      await super.deleteSession(...args);
    }
  }
}

module.exports = {TapgraphSimDriver, default: TapgraphSimDriver};
