() => [...document.querySelectorAll("button, input, select, summary, a, img, [tabindex='0']")]
    .filter((one) => one.checkVisibility() && one.tabIndex >= 0)
    .filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label")
        || one.getAttribute("aria-labelledby") || one.labels?.length))
    .map((one) => one.outerHTML.slice(0, 80))
