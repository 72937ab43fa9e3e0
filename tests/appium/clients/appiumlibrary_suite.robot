*** Settings ***
Documentation       A suite of Robot Framework's AppiumLibrary on a phone behind Appium.
Library             AppiumLibrary    timeout=5    run_on_failure=No Operation
Suite Setup         Open Application    ${URL}    platformName=Android    automationName=UiAutomator2    appPackage=${NOTES}
Suite Teardown      Close Application
Test Setup          Activate Application    ${NOTES}

*** Variables ***
${NOTES}            com.tapgraph.notes
${CONTACTS}         com.google.android.contacts

*** Test Cases ***
Elements Are Found
    Wait Until Page Contains Element    id=title
    Page Should Contain Element    accessibility_id=New note
    Page Should Contain Element    class=android.widget.EditText
    Page Should Contain Element    xpath=//*[@text='Notes']
    Page Should Contain Element    android=new UiSelector().textContains("garden")
    Page Should Contain Element    css=#title
    Page Should Contain Text    Notes
    Page Should Not Contain Text    Nonsense
    Element Text Should Be    id=title    Notes

Text Is Typed And Cleared
    Input Text    id=search_field    mum
    Element Text Should Be    id=search_field    mum
    Clear Text    id=search_field
    Hide Keyboard

A Note Is Written
    Click Element    accessibility_id=New note
    Wait Until Page Does Not Contain Element    id=new_note
    Press Keycode    4
    Wait Until Page Contains Element    id=new_note

A Keycode May Be Text
    Execute Script    mobile: pressKey    keycode=3

A List Is Scrolled
    Activate Application    ${CONTACTS}
    Wait Until Page Contains Element    id=person_row
    Swipe By Percent    50    80    50    30
    Scroll Down    id=${CONTACTS}:id/content
    Scroll Up    id=${CONTACTS}:id/content
    Page Should Contain Element    android=new UiScrollable(new UiSelector().scrollable(true)).flingToEnd(3)

Fingers Tap And Press
    Tap    accessibility_id=New note    duration=1s
    Press Keycode    4
    Tap With Positions    100    ${{(500, 1200)}}

The Phone Is Turned
    Landscape
    Portrait

The App Is Known
    ${activity}=    Get Activity
    Should Not Be Empty    ${activity}
    ${contexts}=    Get Contexts
    Should Be Equal    ${contexts}    ${{['NATIVE_APP']}}
    Switch To Context    NATIVE_APP

Time And Pictures
    ${time}=    Get Device Time
    Should Start With    ${time}    2026
    ${source}=    Get Source
    Should Contain    ${source}    <hierarchy
    Capture Page Screenshot

The App Goes To The Background
    Background Application    1
    Terminate Application    ${NOTES}

Refused As On Android: Espresso's Locators
    Run Keyword And Expect Error    *not supported for this session*    Get Webelement    viewtag=x

Refused As On Android: A Command That There Is Not
    Run Keyword And Expect Error    *Unsupported execute method*    Execute Script    mobile: dance

Refused As On Android: Scripts Of A Browser
    Run Keyword And Expect Error    *mobile:*    Execute Script    return 1
