// Before the page is drawn: light or dark as was chosen here, so that nothing flashes.
document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "auto";
