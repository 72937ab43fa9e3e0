// A suite of webdriverio on a phone behind Appium: node webdriverio_suite.mjs http://127.0.0.1:4723
import assert from 'node:assert/strict';
import {remote} from 'webdriverio';

const url = new URL(process.argv[2]);
const notes = 'com.tapgraph.notes';
const options = {
  protocol: 'http',
  hostname: url.hostname,
  port: Number(url.port),
  path: '/',
  logLevel: 'error',
  connectionRetryCount: 0,
  capabilities: {
    platformName: 'Android',
    'appium:automationName': 'UiAutomator2',
    'appium:appPackage': notes,
    'appium:newCommandTimeout': 120,
  },
};

const scrollable = 'android=new UiScrollable(new UiSelector().scrollable(true))';

const contacts = 'com.google.android.contacts';

async function inContacts(driver) {
  await driver.activateApp(contacts);
  await driver.$(`id=${contacts}:id/person_row`).waitForExist();
}

// What a real phone does; each begins on the list of notes.
const passes = {
  'id': (d) => d.$(`id=${notes}:id/title`).getText().then((t) => assert.equal(t, 'Notes')),
  'css id': (d) => d.$('#title').getText().then((t) => assert.equal(t, 'Notes')),
  'css attribute': (d) => d.$$('[text*="Bike"]').length.then((n) => assert.ok(n > 0)),
  'accessibility id': (d) => d.$('~New note').isDisplayed().then(assert.ok),
  'class name': (d) => d.$$('android.widget.EditText').length.then((n) => assert.equal(n, 1)),
  'xpath': (d) => d.$('//*[@text="Notes"]').isEnabled().then(assert.ok),
  'uiautomator': (d) => d.$('android=new UiSelector().textStartsWith("Call mum")').isExisting().then(assert.ok),
  'typing': async (d) => {
    const field = d.$('#search_field');
    await field.setValue('mum');
    assert.equal(await field.getText(), 'mum');
    await field.addValue('s');
    assert.equal(await field.getText(), 'mums');
    await field.clearValue();
  },
  'keyboard': async (d) => {
    await d.$('#search_field').click();
    assert.equal(await d.isKeyboardShown(), true);
    await d.hideKeyboard();
    assert.equal(await d.isKeyboardShown(), false);
  },
  'keycode as text': (d) => d.execute('mobile: pressKey', {keycode: '3'}),
  'press key code': async (d) => {
    await d.$('~New note').click();
    await d.pressKeyCode(4);
    await d.$('~New note').waitForExist();
  },
  'back': async (d) => {
    await d.$('~New note').click();
    await d.back();
    await d.$('~New note').waitForExist();
  },
  'tap': (d) => d.$('~New note').tap(),
  'long press': (d) => d.$('~New note').longPress(),
  'swipe of an element': async (d) => {
    await inContacts(d);
    await d.swipe({direction: 'up', scrollableElement: await d.$(`id=${contacts}:id/content`)});
  },
  'two fingers': (d) => d.actions([
    finger(d, 'one', 1100, 700),
    finger(d, 'two', 1300, 1700),
  ]),
  'pinch and zoom': async (d) => {
    await d.$('#content').pinch();
    await d.$('#content').zoom();
  },
  'scroll forward': async (d) => {
    await inContacts(d);
    assert.ok(await d.$(`${scrollable}.scrollForward()`).isExisting());
  },
  'fling to the end': async (d) => {
    await inContacts(d);
    assert.ok(await d.$(`${scrollable}.flingToEnd(3)`).isExisting());
    assert.ok(await d.$(`${scrollable}.scrollToBeginning(3)`).isExisting());
  },
  'child by text': async (d) => {
    await inContacts(d);
    const child = 'getChildByText(new UiSelector().className("android.widget.TextView"), "Kaya Varga")';
    assert.equal(await d.$(`${scrollable}.${child}`).getText(), 'Kaya Varga');
  },
  'scroll into view': async (d) => {
    await inContacts(d);
    await d.$('android=new UiSelector().text("Kaya Varga")').scrollIntoView();
  },
  'mobile: scroll': async (d) => {
    await inContacts(d);
    await d.execute('mobile: scroll', {strategy: '-android uiautomator', selector: 'new UiSelector().text("Kaya Varga")'});
  },
  'mobile: flingGesture': (d) => d.execute('mobile: flingGesture', {direction: 'down', speed: 5000, left: 100, top: 500, width: 800, height: 1200}),
  'mobile: viewportRect': (d) => d.execute('mobile: viewportRect', {}).then((r) => assert.ok(r.top > 0 && r.height > 2000)),
  'mobile: listDisplays': (d) => d.execute('mobile: listDisplays', {}).then((all) => assert.equal(all.length, 1)),
  'permissions': (d) => d.execute('mobile: getPermissions', {type: 'granted', appPackage: notes}).then((all) => assert.ok(Array.isArray(all))),
  'alert accepted': async (d) => {
    await d.activateApp('com.google.android.youtube');
    assert.match(await d.getAlertText(), /privacy/);
    await d.acceptAlert();
    await assert.rejects(() => d.getAlertText(), /modal dialog/);
  },
  'contexts': async (d) => {
    assert.deepEqual(await d.getContexts(), ['NATIVE_APP']);
    await d.switchContext('NATIVE_APP');
  },
  'lock and unlock': async (d) => {
    await d.lock();
    assert.equal(await d.isLocked(), true);
    await d.unlock();
    assert.equal(await d.isLocked(), false);
  },
  'app state': async (d) => assert.equal(await d.queryAppState(notes), 4),
  'background': (d) => d.background(1),
  'current app': async (d) => assert.equal(await d.getCurrentPackage(), notes),
  'orientation': async (d) => {
    await d.setOrientation('LANDSCAPE');
    assert.equal(await d.getOrientation(), 'LANDSCAPE');
    await d.setOrientation('PORTRAIT');
  },
  'clipboard': async (d) => {
    await d.setClipboard(Buffer.from('a b').toString('base64'), 'plaintext');
    assert.equal(Buffer.from(await d.getClipboard(), 'base64').toString(), 'a b');
  },
  'screenshot': (d) => d.takeScreenshot().then((png) => assert.ok(png.length > 10000)),
  'element screenshot': async (d) => assert.ok((await d.takeElementScreenshot(await d.$('#title').elementId)).length > 100),
  'page source': (d) => d.getPageSource().then((xml) => assert.match(xml, /<hierarchy/)),
  'settings': async (d) => {
    await d.updateSettings({waitForIdleTimeout: 50});
    assert.equal((await d.getSettings()).waitForIdleTimeout, 50);
  },
  'device time': (d) => d.getDeviceTime().then((time) => assert.match(time, /^2026-/)),
  'extensions listed': async (d) => {
    const answer = await fetch(`${url.origin}/session/${d.sessionId}/appium/extensions`);
    assert.ok('mobile: type' in (await answer.json()).value.rest.driver);
  },
};

// What UiAutomator2 refuses, with a part of its words.
const refusals = {
  'viewtag is Espresso\'s': [(d) => d.findElement('-android viewtag', 'x'), /not supported for this session/],
  'datamatcher is Espresso\'s': [(d) => d.findElement('-android datamatcher', '{}'), /not supported for this session/],
  'a wheel': [(d) => d.action('wheel').scroll({x: 5, y: 5, deltaY: 100, duration: 50}).perform(), /unknown/],
  'no alert': [(d) => d.acceptAlert(), /modal dialog/],
  'an unknown mobile command': [(d) => d.execute('mobile: dance', {}), /Unsupported execute method/],
  'a script': [(d) => d.executeScript('return 1', []), /mobile:/],
  'a web page': [(d) => d.navigateTo('https://example.org'), /./],
  'clearing an app': [(d) => d.execute('mobile: clearApp', {appId: notes}), /Cannot clear/],
  'an absent element': [(d) => d.findElement('id', 'absent').then((found) => { if (found.error) throw new Error(found.message); }), /absent/],
};

function finger(driver, id, from, to) {
  return driver
    .action('pointer', {id, parameters: {pointerType: 'touch'}})
    .move({x: 500, y: from}).down().move({x: 500, y: to, duration: 100}).up();
}

const driver = await remote(options);
let failed = 0;
async function judged(name, work) {
  try {
    await driver.terminateApp(notes);
    await driver.activateApp(notes);
    await work();
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${String(error.message).split('\n')[0]}`);
  }
}
for (const [name, work] of Object.entries(passes)) {
  await judged(name, async () => {
    await work(driver);
    console.log(`passed ${name}`);
  });
}
for (const [name, [work, words]] of Object.entries(refusals)) {
  await judged(name, async () => {
    await assert.rejects(() => work(driver), words);
    console.log(`refused as on Android: ${name}`);
  });
}
await driver.deleteSession();
console.log(`webdriverio: ${Object.keys(passes).length + Object.keys(refusals).length - failed} in order, ${failed} failed`);
process.exit(failed ? 1 : 0);
