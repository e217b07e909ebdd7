// Runs before the first paint: a guest's page must not flash before a user's.
if (localStorage.getItem("studio.session")) document.documentElement.classList.add("signed-in");
